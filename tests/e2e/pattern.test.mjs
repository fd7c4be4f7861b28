import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { nodeCreated, run, Server, shared, temporaryFolder } from "./lib/server.mjs";

describe("event patterns", () => {
  let folder;
  let event;
  let server;
  const all = shared();
  before(async () => {
    folder = await temporaryFolder(all);
    server = await Server.start(all);
    await server.tenant("acme");
    await server.publish("acme", nodeCreated({ id: "pattern-1", path: "/invoices/a.pdf" }));
    [event] = await server.all("acme");
  });

  const file = async (name, value) => {
    const path = join(folder, name);
    await writeFile(path, typeof value === "string" ? value : JSON.stringify(value));
    return path;
  };
  const test = async (pattern, ...flags) => run(["pattern", "test", await file("pattern.json", pattern), "-", ...flags], { input: JSON.stringify(event) });

  const ask = async (body) => {
    const answer = await server.call("POST", "/v1/tenants/acme/patterns/test", { body });
    assert.equal(answer.status, 200);
    return answer.json;
  };

  // one pattern that matches a committed event for each operator, and one that does not
  const path = "/invoices/a.pdf";
  const cases = [
    [["bitvault.node.created.v1"], ["bitvault.node.moved.v1"], "type"],
    [[{ prefix: "/invoices/" }], [{ prefix: "/x" }], "path"],
    [[{ suffix: ".pdf" }], [{ suffix: ".PDF" }], "path"],
    [[{ suffix: { "equals-ignore-case": ".PDF" } }], [{ prefix: { "equals-ignore-case": "/X" } }], "path"],
    [[{ "equals-ignore-case": path.toUpperCase() }], [{ "equals-ignore-case": "/a" }], "path"],
    [[{ wildcard: "/*/a.*" }], [{ wildcard: "/*/b.*" }], "path"],
    [[{ "anything-but": ["/a", "/b"] }], [{ "anything-but": { prefix: "/inv" } }], "path"],
    [[{ exists: true }], [{ exists: false }], "path"],
    [[{ cidr: "0.0.0.0/0" }, path], [{ cidr: "0.0.0.0/0" }, { numeric: [">", 0] }], "path"],
  ];
  it("match committed events, for every operator", async () => {
    for (const [yes, no, at] of cases) {
      const pattern = (wanted) => (at === "type" ? { type: wanted } : { data: { node: { path: wanted } } });
      assert.equal((await test(pattern(yes))).code, 0, JSON.stringify(yes));
      assert.equal((await test(pattern(no))).code, 1, JSON.stringify(no));
      for (const [wanted, matched] of [[yes, true], [no, false]]) {
        assert.equal((await ask({ pattern: pattern(wanted), event })).matched, matched, JSON.stringify(wanted));
        const back = await ask({ pattern: pattern(wanted), since: 100 });
        assert.deepEqual(back.events, matched ? [event] : [], JSON.stringify(wanted));
        assert.equal(back.scanned, 1);
      }
    }
    assert.equal((await test({ $or: [{ type: ["x"] }, { id: ["pattern-1"] }] })).code, 0);
  });

  it("are explained when they do not match", async () => {
    const pattern = { type: ["bitvault.node.created.v1"], data: { node: { path: [{ prefix: "/outgoing/" }] } } };
    const text = await test(pattern);
    assert.equal(text.code, 1, text.stderr);
    assert.match(text.stdout, /^no match\n {2}data\.node\.path: /);
    const json = await test(pattern, "--json");
    assert.equal(json.code, 1);
    const { matched, unmet } = JSON.parse(json.stdout);
    assert.equal(matched, false);
    assert.deepEqual(unmet.map(({ path: at, had }) => [at, had]), [["data.node.path", JSON.stringify(path)]]);
  });

  it("are refused with the path and the reason", async () => {
    const refused = await test({ data: { node: { path: "/x" } } });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^error: .*data\.node\.path: .*\["\/x"\] instead of "\/x"\n$/);
    assert.equal((await test("{")).code, 2);
    const invalid = await run(["pattern", "test", await file("pattern.json", { type: ["x"] }), "-"], { input: "no event" });
    assert.equal(invalid.code, 2);
    assert.match(invalid.stderr, /^error: -: the event is no valid JSON/);
  });

  it("that are too large are refused quickly", async () => {
    const started = performance.now();
    const many = await test({ type: Array.from({ length: 100_000 }, (_, i) => i) });
    assert.equal(many.code, 2);
    assert.match(many.stderr, /at most 16384 are allowed/);
    assert.equal((await test({ type: [{ wildcard: "a*".repeat(200) }] })).code, 2);
    assert.ok(performance.now() - started < 5_000);
  });
});
