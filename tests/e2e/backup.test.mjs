// A data folder that is put back from a backup: clients that know more than the server are told, and
// go on under a new epoch without a gap, a repeat or a wrong event.
import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { describe, it } from "node:test";
import { nodeCreated, run, Server } from "./lib/server.mjs";

const some = (prefix, count) => Array.from({ length: count }, (_, i) => nodeCreated({ id: `${prefix}${i + 1}` }));
const epochOf = async (server, tenant) => (await server.call("GET", `/v1/tenants/${tenant}`)).json.epoch;
const ids = (events) => events.map((e) => e.id);

// A server whose folder is the one of its backup, after clients have seen what came later.
async function restored(test) {
  let server = await Server.start(test);
  const { data } = server;
  for (const tenant of ["acme", "other"]) {
    await server.tenant(tenant);
    await server.publish(tenant, some("kept", 5));
  }
  await server.stop();
  await cp(data, `${data}.backup`, { recursive: true });
  server = await Server.start(test, { data });
  await server.publish("acme", some("lost", 4));
  const future = (await server.feed("acme")).json.next_cursor;
  const past = (await server.feed("acme", { limit: 2 })).json.next_cursor;
  await server.kill();
  await rm(data, { recursive: true });
  await cp(`${data}.backup`, data, { recursive: true });
  return { data, future, past };
}

describe("a restored backup", () => {
  it("tells who knows more than it, and goes on in a new epoch", async (test) => {
    const { data, future, past } = await restored(test);
    let server = await Server.start(test, { data });
    const ahead = await server.feed("acme", { cursor: future });
    assert.equal(ahead.status, 409);
    assert.equal(ahead.json.reason, "ahead_of_journal");
    const old = await epochOf(server, "acme");
    const others = await epochOf(server, "other");
    await server.stop();

    server = await Server.start(test, { data, args: ["--new-epoch", "acme"] });
    assert.match(server.log, /acme begins epoch \w+ at sequence 6/);
    assert.notEqual(await epochOf(server, "acme"), old);
    assert.equal(await epochOf(server, "other"), others);
    for (const cursor of [future, past]) {
      const changed = await server.feed("acme", { cursor });
      assert.equal(changed.status, 409);
      assert.equal(changed.json.reason, "epoch_changed");
      const all = await server.feed("acme", { cursor: changed.json.earliest_cursor });
      assert.deepEqual(ids(all.json.events), ["kept1", "kept2", "kept3", "kept4", "kept5"]);
      assert.deepEqual(all.json.events.map((e) => e.epoch), Array(5).fill(old), "old bytes stay");
    }
    const answer = await server.publish("acme", some("new", 5));
    assert.deepEqual(answer.json.events.map((e) => e.sequence), [6, 7, 8, 9, 10]);
    const events = await server.all("acme");
    assert.deepEqual(ids(events), ["kept1", "kept2", "kept3", "kept4", "kept5", "new1", "new2", "new3", "new4", "new5"]);
    assert.equal(events[9].epoch, await epochOf(server, "acme"));
    assert.equal((await server.feed("acme", { cursor: future })).json.reason, "epoch_changed", "also now that the head is past it");
    assert.equal((await server.publish("acme", nodeCreated({ id: "kept1" }))).json.code, "id_conflict", "old ids are known");
    await server.kill();
    server = await Server.start(test, { data });
    assert.equal((await server.all("acme")).length, 10);
  });

  it("begins an epoch of a label once, however often it is started so", async (test) => {
    const { data, future } = await restored(test);
    const args = ["--new-epoch", "*=restore-1"];
    let server = await Server.start(test, { data, args });
    const epoch = await epochOf(server, "acme");
    const { json } = await server.feed("acme", { cursor: future });
    assert.equal(json.reason, "epoch_changed");
    await server.kill();
    server = await Server.start(test, { data, args });
    assert.equal(await epochOf(server, "acme"), epoch);
    assert.equal((await server.feed("acme", { cursor: json.latest_cursor })).status, 200);
    await server.kill();
    server = await Server.start(test, { data, args: ["--new-epoch", "*"] });
    assert.notEqual(await epochOf(server, "acme"), epoch);
  });

  it("a tenant that is not there is one clear line", async (test) => {
    const server = await Server.start(test);
    await server.stop();
    for (const [value, why] of [["nobody", /nobody: there is no such tenant/], ["No", /new epoch/], ["acme=", /label/]]) {
      const { code, stderr } = await run(["serve", "--data", server.data, "--listen", "127.0.0.1:0", "--new-epoch", value]);
      assert.equal(code, 2, stderr);
      assert.match(stderr.trim(), why);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
    }
  });
});
