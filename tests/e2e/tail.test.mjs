// `tail` beside servers that die and connections that break.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Dice, seed } from "./lib/dice.mjs";
import { droppingProxy } from "./lib/proxy.mjs";
import { binary, nodeCreated, Server, temporaryFolder } from "./lib/server.mjs";

const PDF = { data: { node: { name: [{ suffix: ".pdf" }] } } };

// A tail in the background: its lines as events, and its end.
function tail(test, url, key, args) {
  const child = spawn(binary, ["tail", "--json", ...args], { env: { ...process.env, BITVAULT_URL: url, BITVAULT_KEY: key, BITVAULT_TENANT: "acme" } });
  test.after(() => child.kill("SIGKILL"));
  const seen = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (seen.out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (seen.err += text));
  const end = once(child, "close").then(([code]) => ({ code, err: seen.err, events: seen.out.split("\n").filter(Boolean).map((line) => JSON.parse(line)) }));
  return { child, end };
}

// Publishes until it is committed, whatever becomes of the server.
async function publish(current, events) {
  for (;;) {
    const answer = await current().publish("acme", events).catch(() => undefined);
    if (answer?.status === 201) return;
  }
}

describe("tail", () => {
  it(`prints each event once, in order, over kill -9 and broken connections (seed ${seed})`, async (test) => {
    const dice = new Dice();
    const data = join(await temporaryFolder(test), "data");
    let server = await Server.start(test, { data });
    await server.tenant("acme");
    const proxy = await droppingProxy(test, server.url, dice, 60_000);
    const state = join(await temporaryFolder(test), "state");
    const wanted = 120;
    const all = tail(test, proxy.url, server.key, ["--from", "earliest", "--limit", String(3 * wanted)]);
    const pdfs = tail(test, proxy.url, server.key, ["--from", "earliest", "--limit", String(wanted), "--state", state, "--pattern", JSON.stringify(PDF)]);

    for (let sent = 0; sent < 3 * wanted; sent += 6) {
      if (sent % 120 === 60) {
        await server.kill();
        server = await Server.start(test, { data });
        proxy.aim(server.url);
      }
      await publish(() => server, Array.from({ length: 6 }, (_, i) => nodeCreated({ id: `e-${sent + i}`, path: `/d/${sent + i}.${i % 3 === 0 ? "pdf" : "txt"}` })));
    }
    const ends = [await all.end, await pdfs.end];
    for (const { code, err } of ends) assert.equal(code, 0, err);
    const sequences = (events) => events.map(({ sequence }) => Number(sequence));
    const committed = await server.all("acme");
    assert.deepEqual(sequences(ends[0].events), sequences(committed), ends[0].err);
    assert.deepEqual(ends[1].events, committed.filter(({ data: { node } }) => node.name.endsWith(".pdf")), ends[1].err);
    assert.ok(proxy.drops() > 2, `${proxy.drops()} connections broke`);

    // it goes on from where its state stands
    await publish(() => server, nodeCreated({ path: "/d/last.pdf" }));
    const more = await tail(test, server.url, server.key, ["--limit", "1", "--state", state, "--pattern", JSON.stringify(PDF)]).end;
    assert.equal(more.events[0].data.node.name, "last.pdf");
    assert.ok((await readFile(state, "utf8")).length > 0);
  });

  it("ends on a signal while it follows, and when its key is revoked", async (test) => {
    const server = await Server.start(test);
    await server.tenant("acme");
    await server.publish("acme", nodeCreated());
    for (const signal of ["SIGINT", "SIGTERM"]) {
      const { child, end } = tail(test, server.url, server.key, ["--from", "earliest"]);
      await once(child.stdout, "data");
      child.kill(signal);
      assert.equal((await end).code, 0);
    }
    const { json } = await server.call("POST", "/v1/tenants/acme/keys", { body: { name: "reader", scopes: ["events:read"] } });
    const { child, end } = tail(test, server.url, json.key, ["--from", "earliest"]);
    await once(child.stdout, "data");
    assert.equal((await server.call("DELETE", `/v1/tenants/acme/keys/${json.id}`)).status, 204);
    const { code, err } = await end;
    assert.equal(code, 1);
    assert.match(err, /unauthenticated/);
  });
});
