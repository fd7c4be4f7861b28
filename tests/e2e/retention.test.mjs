// Events leave by count and by age: readers are told, publishers are not held up, and a killed server
// finishes what it began.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { nodeCreated, run, Server } from "./lib/server.mjs";

const settings = (server, tenant, retention) => server.call("PUT", `/v1/tenants/${tenant}`, { body: { retention } });
const floorOf = async (server, tenant) => (await server.call("GET", `/v1/tenants/${tenant}`)).json.floor;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Asks until the floor stands there; retention has its own pace.
async function untilFloor(server, tenant, floor) {
  for (let i = 0; (await floorOf(server, tenant)) !== floor; i += 1) {
    assert.ok(i < 300, `the floor of ${tenant} does not reach ${floor}`);
    await pause(100);
  }
}

const metric = async (server, name) => Number((await server.call("GET", "/metrics")).text.match(new RegExp(`^${name} (\\S+)$`, "m"))[1]);

async function untilPruned(server, count) {
  for (let i = 0; (await metric(server, "bitvault_retention_events_pruned_total")) < count; i += 1) {
    assert.ok(i < 300, "pruning does not end");
    await pause(100);
  }
}

describe("retention", () => {
  it("keeps the last events, and tells who comes too late", async (test) => {
    const server = await Server.start(test);
    await server.tenant("acme");
    await server.publish("acme", Array.from({ length: 20 }, (_, i) => nodeCreated({ id: `e${i + 1}` })));
    const first = await server.feed("acme", { limit: 1 });
    const leaf = createHash("sha256").update("\0").update((await server.call("GET", "/v1/tenants/acme/events/e3")).text).digest();
    assert.equal((await settings(server, "acme", { max_events: 5 })).status, 200);
    await untilFloor(server, "acme", 16);

    const late = await server.feed("acme", { cursor: first.json.next_cursor });
    assert.equal(late.status, 409);
    assert.equal(late.json.code, "cursor_reset");
    assert.equal(late.json.reason, "expired");
    const rest = await server.feed("acme", { cursor: late.json.earliest_cursor });
    assert.deepEqual(rest.json.events.map((e) => e.id), ["e16", "e17", "e18", "e19", "e20"]);
    assert.equal((await server.feed("acme", { cursor: late.json.latest_cursor })).json.events.length, 0);
    assert.equal((await server.feed("acme")).json.events[0].id, "e16", "without a cursor: from the oldest retained");

    for (let i = 0; i < 2; i += 1) {
      const gone = await server.call("GET", "/v1/tenants/acme/events/e3");
      assert.equal(gone.status, 410);
      assert.equal(gone.json.code, "event_pruned");
      assert.equal(gone.json.sequence, 3);
      assert.equal(gone.json.leaf_hash, leaf.toString("base64"));
      await untilPruned(server, 15);
    }
    const repeat = await server.publish("acme", nodeCreated({ id: "e3" }));
    assert.equal(repeat.status, 201);
    assert.deepEqual(repeat.json.events, [{ id: "e3", sequence: 3, duplicate: true }]);
    assert.equal((await server.publish("acme", nodeCreated({ id: "next" }))).json.events[0].sequence, 21);
  });

  it("does what a changed setting says at once", async (test) => {
    const server = await Server.start(test);
    await server.tenant("acme");
    await server.publish("acme", Array.from({ length: 9 }, () => nodeCreated()));
    const begun = performance.now();
    for (const left of [8, 6, 4, 2]) {
      await settings(server, "acme", { max_events: left });
      await untilFloor(server, "acme", 10 - left);
    }
    assert.ok(performance.now() - begun < 10_000, "its period alone would take 15 s");
  });

  it("lets old events go by age, as the installation says", async (test) => {
    const server = await Server.start(test, { args: ["--retention-max-age", "1"] });
    await server.tenant("acme");
    await server.tenant("keeps");
    await settings(server, "keeps", { max_age_seconds: 86400 });
    for (const tenant of ["acme", "keeps"]) await server.publish(tenant, [nodeCreated(), nodeCreated()]);
    await untilFloor(server, "acme", 3);
    assert.equal(await floorOf(server, "keeps"), 1);
    assert.deepEqual((await server.feed("acme")).json.events, []);
  });

  it("a waiting reader gets the next event, and one left behind is told", async (test) => {
    const server = await Server.start(test, { args: ["--retention-max-events", "2"] });
    await server.tenant("acme");
    const { json: { cursor } } = await server.call("GET", "/v1/tenants/acme/cursor?at=latest");
    const waiting = server.feed("acme", { cursor, wait: 30 });
    await server.publish("acme", nodeCreated({ id: "a" }));
    assert.equal((await waiting).json.events[0].id, "a");
    await server.publish("acme", Array.from({ length: 9 }, () => nodeCreated()));
    await untilFloor(server, "acme", 9);
    assert.equal((await server.feed("acme", { cursor, wait: 30 })).json.reason, "expired");
    const headers = { accept: "text/event-stream", "last-event-id": cursor };
    const stream = await server.call("GET", "/v1/tenants/acme/events", { headers, signal: AbortSignal.timeout(20_000) });
    assert.match(stream.text, /event: reset\ndata: .*"reason":"expired"/);
  });

  it("finishes after kill -9 what it began to delete", async (test) => {
    let server = await Server.start(test);
    await server.tenant("acme");
    const pad = "x".repeat(500);
    for (let i = 0; i < 12; i += 1) {
      const answer = await server.publish("acme", Array.from({ length: 500 }, (_, j) => nodeCreated({ id: `e${i * 500 + j + 1}`, path: `/${pad}/${i}-${j}` })));
      assert.equal(answer.status, 201);
    }
    await settings(server, "acme", { max_events: 10 });
    await untilFloor(server, "acme", 5991);
    let pruned = await metric(server, "bitvault_retention_events_pruned_total");
    await server.kill();
    let kills = 1;
    for (; kills < 6 && pruned < 5990; kills += 1) {
      server = await Server.start(test, { data: server.data });
      await pause(20);
      assert.equal(await floorOf(server, "acme"), 5991);
      pruned += await metric(server, "bitvault_retention_events_pruned_total");
      await server.kill();
    }
    server = await Server.start(test, { data: server.data });
    const events = await server.all("acme");
    assert.deepEqual(events.map((e) => e.id), Array.from({ length: 10 }, (_, i) => `e${5991 + i}`));
    await server.stop();
    server = await Server.start(test, { data: server.data });
    // Whatever was left when it stopped is done when a round has found nothing.
    for (let i = 0; ; i += 1) {
      await server.stop();
      const journal = await readFile(join(server.data, "journal.db"), "latin1");
      const left = new Set([...journal.matchAll(/"id":"(e\d+)"/g)].map((match) => match[1]));
      if (left.size === 10) break;
      assert.ok(i < 20, `${left.size} events are still in the file`);
      server = await Server.start(test, { data: server.data });
      await pause(300);
    }
  });

  it("refuses settings that mean nothing", async (test) => {
    for (const [option, value] of [["--retention-max-age", "0"], ["--retention-max-age", "soon"], ["--retention-max-events", "0"], ["--retention-max-events", "-1"], ["--retention-max-events", "many"]]) {
      const { code, stderr } = await run(["serve", `${option}=${value}`, "--listen", "127.0.0.1:0", "--data", "/nonexistent/data"]);
      assert.equal(code, 2, `${option} ${value}`);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
    }
    const server = await Server.start(test);
    for (const retention of [{ max_events: 0 }, { max_age_seconds: 0 }, { max_events: -1 }, { max_events: 1.5 }, { max_events: "7" }, { max_age: 7 }, 7]) {
      const answer = await server.call("PUT", "/v1/tenants/acme", { body: { retention } });
      assert.equal(answer.status, 422, JSON.stringify(retention));
    }
  });
});
