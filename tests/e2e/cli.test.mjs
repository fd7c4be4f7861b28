import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { binary, nodeCreated, run, Server, shared, temporaryFolder } from "./lib/server.mjs";

describe("command line", () => {
  let server;
  let env;
  const all = shared();
  before(async () => {
    server = await Server.start(all);
    await server.tenant("acme");
    env = { BITVAULT_URL: server.url, BITVAULT_KEY: server.key, BITVAULT_TENANT: "acme" };
  });

  it("makes tenants and keys", async () => {
    const put = await run(["tenants", "put", "made", "--display-name", "Made", "--json"], { env });
    assert.equal(put.code, 0, put.stderr);
    assert.equal(JSON.parse(put.stdout).name, "made");
    const made = JSON.parse((await run(["keys", "create", "--tenant", "made", "--name", "ci", "--scope", "events:read", "--json"], { env })).stdout);
    assert.match(made.key, /^bvk_made_/);
    const asMade = { BITVAULT_URL: server.url, BITVAULT_KEY: made.key };
    const tail = await run(["tail", "--no-follow", "--from", "earliest"], { env: asMade });
    assert.equal(tail.code, 0, tail.stderr);
    const refused = await run(["publish", "--type", "bitvault.node.created.v1", "--data", "{}"], { env: asMade });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /forbidden/);
    assert.equal((await run(["keys", "rm", made.id, "--tenant", "made"], { env })).code, 0);
    assert.match((await run(["tenants", "list"], { env })).stdout, /made/);
    assert.equal((await run(["tenants", "rm", "made", "--yes"], { env })).code, 0);
  });

  it("publishes one event and many", async () => {
    const { type, data } = nodeCreated({ path: "/cli/one" });
    const one = await run(["publish", "--type", type, "--data", JSON.stringify(data), "--id", "cli-1", "--json"], { env });
    assert.equal(one.code, 0, one.stderr);
    assert.equal(JSON.parse(one.stdout).events[0].id, "cli-1");
    const lines = Array.from({ length: 1200 }, () => JSON.stringify(nodeCreated())).join("\n");
    const many = await run(["publish", "--ndjson", "-"], { env, input: lines });
    assert.equal(many.code, 0, many.stderr);
    assert.match(many.stdout + many.stderr, /1200/);
    const wrong = await run(["publish", "--ndjson", "-"], { env, input: `${JSON.stringify(nodeCreated())}\n{"type":"x"}\n` });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /line 2/);
  });

  it("tails live, and resumes where it stopped", async (test) => {
    const state = join(await temporaryFolder(test), "state");
    const tail = async (count) => {
      const child = spawn(binary, ["tail", "--json", "--state", state, "--from", "latest", "--limit", String(count)], { env: { ...process.env, ...env } });
      let out = "";
      child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
      const end = once(child, "close").then(([code]) => ({ code, ids: out.trim().split("\n").map((line) => JSON.parse(line).id) }));
      return { child, end };
    };
    const first = await tail(2);
    // the first position is "now", whenever that is: publish until two were seen
    let ended = false;
    first.end.then(() => (ended = true));
    for (let sent = 0; !ended; sent += 1) await server.publish("acme", nodeCreated({ id: `tail-${sent}` }));
    const { code, ids } = await first.end;
    assert.equal(code, 0);
    const start = Number(ids[0].split("-")[1]);
    assert.deepEqual(ids, [`tail-${start}`, `tail-${start + 1}`]);
    assert.ok((await readFile(state, "utf8")).length > 0);
    await server.publish("acme", nodeCreated({ id: "resume-1" }));
    const all = (await server.all("acme")).map((e) => e.id);
    const rest = all.slice(all.indexOf(ids[1]) + 1);
    const second = await tail(rest.length);
    assert.deepEqual((await second.end).ids, rest);
  });

  it("ends a tail cleanly on SIGINT in a wait", async () => {
    const child = spawn(binary, ["tail", "--from", "earliest"], { env: { ...process.env, ...env } });
    await once(child.stdout, "data");
    const started = performance.now();
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    assert.equal(code, 0);
    assert.ok(performance.now() - started < 3_000);
  });

  it("prints the exact bytes with --json", async () => {
    const { stdout } = await run(["tail", "--no-follow", "--from", "earliest", "--json", "--limit", "3"], { env });
    const bytes = await Promise.all(stdout.trim().split("\n").map(async (line) => {
      const { id } = JSON.parse(line);
      return [line, (await server.call("GET", `/v1/tenants/acme/events/${id}`)).text];
    }));
    assert.equal(bytes.length, 3);
    for (const [line, text] of bytes) assert.equal(line, text);
  });

  it("shows the catalog", async () => {
    assert.match((await run(["catalog", "list"], { env })).stdout, /bitvault\.node\.moved\.v1/);
    const schema = await run(["catalog", "schema", "bitvault.node.moved.v1"], { env });
    assert.equal(JSON.parse(schema.stdout).type, "object");
  });

  it("explains what went wrong", async () => {
    const noServer = await run(["tenants", "list"], { env: { ...env, BITVAULT_URL: "http://127.0.0.1:9" } });
    assert.equal(noServer.code, 1);
    assert.match(noServer.stderr, /bitvault-events serve/);
    const noKey = await run(["tenants", "list"], { env: { ...env, BITVAULT_KEY: "bvk_x_y_z" } });
    assert.equal(noKey.code, 1);
    assert.match(noKey.stderr, /unauthenticated/);
    assert.ok(!noKey.stderr.includes("bvk_x_y_z"));
    const usage = await run(["tail", "--nonsense"], { env });
    assert.equal(usage.code, 2);
  });
});
