import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { nodeCreated, Server, shared } from "./lib/server.mjs";

describe("change feed", () => {
  let server;
  const all = shared();
  before(async () => {
    server = await Server.start(all);
    await server.tenant("acme");
    await server.tenant("other");
    await server.publish("acme", Array.from({ length: 25 }, (_, i) => nodeCreated({ path: `/${i % 5}/f${i}`, id: `e${i}` })));
  });

  it("pages through everything once, in order", async () => {
    const ids = [];
    let cursor;
    let pages = 0;
    for (let more = true; more; pages += 1) {
      const { json } = await server.feed("acme", { limit: 10, ...(cursor ? { cursor } : {}) });
      ids.push(...json.events.map((e) => e.id));
      ({ next_cursor: cursor, has_more: more } = json);
    }
    assert.equal(pages, 3);
    assert.deepEqual(ids, Array.from({ length: 25 }, (_, i) => `e${i}`));
  });

  it("gives the same bytes in every representation", async () => {
    const one = (await server.call("GET", "/v1/tenants/acme/events/e3")).text;
    const { text: page } = await server.feed("acme", { limit: 5 });
    assert.ok(page.includes(one));
    const ndjson = await server.feed("acme", { limit: 5 }, { headers: { accept: "application/x-ndjson" } });
    assert.equal(ndjson.text.split("\n")[3], one);
    assert.equal(ndjson.headers.get("bitvault-has-more"), "true");
    const batch = await server.feed("acme", { limit: 5 }, { headers: { accept: "application/cloudevents-batch+json" } });
    assert.equal(batch.json.length, 5);
    assert.ok(batch.text.includes(one));
    const onwards = await server.feed("acme", { limit: 1, cursor: batch.headers.get("bitvault-next-cursor") });
    assert.equal(onwards.json.events[0].id, "e5");
  });

  it("filters, and moves its cursor over what it skipped", async () => {
    const ids = async (query) => (await server.all("acme", query)).map((e) => e.id);
    assert.deepEqual(await ids({ subject_prefix: "/3/" }), ["e3", "e8", "e13", "e18", "e23"]);
    assert.equal((await ids({ type: "bitvault.node.*" })).length, 25);
    assert.deepEqual(await ids({ type: "bitvault.share.*" }), []);
    const key = (await server.call("GET", "/v1/tenants/acme/events/e7")).json.partitionkey;
    assert.deepEqual(await ids({ partitionkey: key }), ["e7"]);
    const none = await server.feed("acme", { type: "bitvault.share.*" });
    assert.equal(none.json.has_more, false);
    assert.deepEqual((await server.feed("acme", { cursor: none.json.next_cursor })).json.events, []);
    const two = await server.call("GET", "/v1/tenants/acme/events?type=bitvault.share.*&type=bitvault.node.created.v1&limit=3");
    assert.equal(two.json.events.length, 3);
  });

  it("filters by a pattern over the whole event", async () => {
    const ids = async (pattern, query = {}) => (await server.all("acme", { pattern: JSON.stringify(pattern), ...query })).map((e) => e.id);
    assert.deepEqual(await ids({ subject: [{ prefix: "/3/" }] }), ["e3", "e8", "e13", "e18", "e23"]);
    assert.deepEqual(await ids({ data: { node: { name: [{ wildcard: "f*4" }], kind: ["NODE_KIND_FILE"] } } }), ["e4", "e14", "e24"]);
    assert.deepEqual(await ids({ subject: [{ suffix: "7" }] }, { subject_prefix: "/2/" }), ["e7", "e17"]);
    assert.deepEqual(await ids({ type: [{ "anything-but": { prefix: "bitvault.node." } }] }), []);
    for (const wrong of ["{", "[]", '{"type":"x"}', '{"type":[{"prefixx":"a"}]}', `{"a":[{"wildcard":"${"*a".repeat(200)}"}]}`]) {
      for (const accept of ["application/json", "text/event-stream"]) {
        const { status, json } = await server.feed("acme", { pattern: wrong }, { headers: { accept } });
        assert.deepEqual([status, json.code, json.errors[0].path], [422, "invalid", "query.pattern"], wrong);
      }
    }
  });

  it("waits for a match, and only for a match", async () => {
    const { json: { cursor } } = await server.call("GET", "/v1/tenants/acme/cursor?at=latest");
    const waiting = server.feed("acme", { cursor, wait: 30, subject_prefix: "/wanted" });
    await server.publish("other", nodeCreated({ path: "/wanted/not-mine" }));
    await server.publish("acme", nodeCreated({ path: "/unwanted" }));
    await server.publish("acme", nodeCreated({ path: "/wanted/mine", id: "wanted" }));
    const { json } = await waiting;
    assert.deepEqual(json.events.map((e) => e.id), ["wanted"]);
  });

  it("answers a wait that nothing ends with a fresh cursor", async () => {
    const { json: { cursor } } = await server.call("GET", "/v1/tenants/other/cursor?at=latest");
    const started = performance.now();
    const { status, json } = await server.feed("other", { cursor, wait: 1 });
    const seconds = (performance.now() - started) / 1000;
    assert.equal(status, 200);
    assert.deepEqual(json.events, []);
    assert.ok(json.next_cursor);
    assert.ok(seconds > 0.8 && seconds < 5, `${seconds} s`);
  });

  it("never waits when something is there", async () => {
    const started = performance.now();
    await server.feed("acme", { wait: 60, limit: 1 });
    assert.ok(performance.now() - started < 5_000);
  });

  it("wakes many waiters with every event exactly once", async () => {
    const { json: { cursor: start } } = await server.call("GET", "/v1/tenants/acme/cursor?at=latest");
    const readers = Array.from({ length: 20 }, async () => {
      const seen = [];
      for (let cursor = start; seen.length < 30; ) {
        const { json } = await server.feed("acme", { cursor, wait: 20 });
        seen.push(...json.events.map((e) => e.id));
        cursor = json.next_cursor;
      }
      return seen;
    });
    const expected = Array.from({ length: 30 }, (_, i) => `live-${i}`);
    for (const id of expected) await server.publish("acme", nodeCreated({ id }));
    for (const seen of await Promise.all(readers)) assert.deepEqual(seen, expected);
  });

  it("finds the cursor of a time", async () => {
    const events = await server.all("acme");
    const middle = events.findIndex((e) => e.id === "live-10");
    const at = events[middle].recordedtime;
    const { json: { cursor } } = await server.call("GET", `/v1/tenants/acme/cursor?at=${encodeURIComponent(at)}`);
    const { json } = await server.feed("acme", { cursor, limit: 1 });
    assert.equal(json.events[0].recordedtime, at);
    const early = await server.call("GET", "/v1/tenants/acme/cursor?at=2000-01-01T00:00:00Z");
    assert.equal((await server.feed("acme", { cursor: early.json.cursor, limit: 1 })).json.events[0].id, "e0");
    assert.equal((await server.call("GET", "/v1/tenants/acme/cursor?at=noon")).json.code, "invalid");
    assert.equal((await server.call("GET", "/v1/tenants/acme/cursor")).json.code, "invalid");
  });

  it("refuses forged and foreign cursors", async () => {
    const { json: { next_cursor: cursor } } = await server.feed("acme", { limit: 1 });
    for (const bad of ["x", cursor.slice(1), cursor + "A", cursor.replace(/.$/, (c) => (c === "A" ? "Q" : "A"))]) {
      const answer = await server.feed("acme", { cursor: bad });
      assert.equal(answer.status, 400, bad);
      assert.equal(answer.json.code, "cursor_invalid");
    }
    assert.equal((await server.feed("other", { cursor })).json.code, "cursor_invalid");
  });

  it("says so when a cursor's history is gone", async () => {
    await server.tenant("again");
    await server.publish("again", nodeCreated());
    const { json: { next_cursor: cursor } } = await server.feed("again");
    assert.equal((await server.call("DELETE", "/v1/tenants/again")).status, 202);
    let made;
    do {
      made = await server.tenant("again");
    } while (made.status === 409);
    assert.equal(made.status, 201);
    const reset = await server.feed("again", { cursor });
    assert.equal(reset.status, 409);
    assert.equal(reset.json.code, "cursor_reset");
    assert.equal(reset.json.reason, "epoch_changed");
    for (const fresh of [reset.json.earliest_cursor, reset.json.latest_cursor]) {
      assert.equal((await server.feed("again", { cursor: fresh })).status, 200);
    }
  });

  it("refuses wrong parameters", async () => {
    for (const query of ["limit=0", "limit=1001", "limit=x", "limit=-1", "wait=61", "wait=1.5", "type=node", "nonsense=1", "limit=1&limit=2"]) {
      const answer = await server.call("GET", `/v1/tenants/acme/events?${query}`);
      assert.equal(answer.status, 422, query);
      assert.equal(answer.json.code, "invalid");
    }
    assert.equal((await server.call("GET", "/v1/tenants/acme/events?limit=%zz")).status, 400);
  });

  it("knows what it does not have", async () => {
    assert.equal((await server.call("GET", "/v1/tenants/acme/events/none")).json.code, "not_found");
    assert.equal((await server.call("GET", "/v1/tenants/acme/events/no.dots")).json.code, "not_found");
    assert.equal((await server.feed("nobody")).json.code, "not_found");
  });
});
