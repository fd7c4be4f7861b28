import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { nodeCreated, Server, shared } from "./lib/server.mjs";

describe("publish", () => {
  let server;
  const all = shared();
  before(async () => {
    server = await Server.start(all);
    await server.tenant("acme");
  });

  const problem = (answer, status, code) => {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    assert.equal(answer.json.code, code, answer.text);
    assert.equal(answer.json.status, status);
    for (const member of ["type", "title", "detail"]) assert.ok(answer.json[member], member);
    return answer.json;
  };

  it("takes one event and gives its place", async () => {
    const answer = await server.publish("acme", nodeCreated());
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.json.events.length, 1);
    assert.deepEqual(Object.keys(answer.json.events[0]), ["id", "sequence", "duplicate"]);
    assert.equal(answer.json.events[0].duplicate, false);
    assert.match(answer.json.events[0].id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    const after = await server.feed("acme", { cursor: answer.json.cursor });
    assert.deepEqual(after.json.events, []);
  });

  it("writes the envelope in its fixed order and form", async () => {
    const sent = nodeCreated({ path: "/ä \"x\".txt", id: "order-1", time: "2026-01-02T03:04:05+01:00", zone: "eu", attempt: 3 });
    assert.equal((await server.publish("acme", sent)).status, 201);
    const { text, json, headers } = await server.call("GET", "/v1/tenants/acme/events/order-1");
    assert.equal(headers.get("content-type"), "application/cloudevents+json");
    assert.deepEqual(Object.keys(json), [
      "specversion", "id", "source", "type", "subject", "time", "recordedtime", "datacontenttype", "dataschema",
      "tenant", "epoch", "sequence", "partitionkey", "salt", "attempt", "zone", "data"]);
    assert.equal(text, JSON.stringify(json), "no white space, one form of escapes");
    assert.equal(json.time, "2026-01-02T02:04:05.000000Z");
    assert.match(json.recordedtime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.match(json.sequence, /^\d{20}$/);
    assert.match(json.epoch, /^[a-z0-9]{12}$/);
    assert.match(json.salt, /^[A-Za-z0-9_-]{22}$/);
    assert.equal(json.source, "/tenants/acme");
    assert.equal(json.subject, "/ä \"x\".txt");
    assert.equal(json.partitionkey, sent.data.node.id);
    assert.equal(json.dataschema, "urn:bitvault:schema:bitvault.node.created.v1:1");
  });

  it("numbers a batch without gaps, in order", async () => {
    const first = await server.publish("acme", [nodeCreated(), nodeCreated(), nodeCreated()]);
    const second = await server.publish("acme", [nodeCreated()]);
    const sequences = [...first.json.events, ...second.json.events].map((event) => event.sequence);
    assert.deepEqual(sequences, [0, 1, 2, 3].map((i) => sequences[0] + i));
  });

  it("takes NDJSON and binary mode", async () => {
    const lines = [nodeCreated({ id: "nd-1" }), nodeCreated({ id: "nd-2" })].map((e) => JSON.stringify(e)).join("\n") + "\n";
    const ndjson = await server.publish("acme", lines, { type: "application/x-ndjson" });
    assert.deepEqual(ndjson.json.events.map((e) => e.id), ["nd-1", "nd-2"]);
    const event = nodeCreated();
    const binary = await server.publish("acme", JSON.stringify(event.data), {
      type: "application/json",
      headers: { "ce-specversion": "1.0", "ce-type": event.type, "ce-id": "bin-1", "ce-subject": "/%C3%A4%20b", "ce-source": "/x" },
    });
    assert.equal(binary.status, 201, binary.text);
    const { json } = await server.call("GET", "/v1/tenants/acme/events/bin-1");
    assert.equal(json.subject, "/ä b");
    assert.deepEqual(json.data, event.data);
  });

  it("passes a traceparent on", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await server.publish("acme", nodeCreated({ id: "traced" }), { headers: { traceparent } });
    const { json } = await server.call("GET", "/v1/tenants/acme/events/traced");
    assert.equal(json.traceparent, traceparent);
  });

  it("reports a repeat as the duplicate it is", async () => {
    const event = nodeCreated({ id: "same" });
    const first = await server.publish("acme", event);
    const again = await server.publish("acme", [nodeCreated(), event]);
    assert.equal(again.status, 201);
    assert.deepEqual(again.json.events[1], { id: "same", sequence: first.json.events[0].sequence, duplicate: true });
    assert.equal((await server.all("acme")).filter((e) => e.id === "same").length, 1);
  });

  it("refuses an id with other members, and then appends nothing", async () => {
    await server.publish("acme", nodeCreated({ id: "taken" }));
    const before = (await server.all("acme")).length;
    problem(await server.publish("acme", [nodeCreated(), nodeCreated({ id: "taken" })]), 409, "id_conflict");
    assert.equal((await server.all("acme")).length, before);
  });

  it("refuses an id twice in one request", async () => {
    const event = nodeCreated({ id: "twice" });
    const { errors } = problem(await server.publish("acme", [event, event]), 422, "invalid");
    assert.equal(errors[0].index, 1);
    assert.equal((await server.call("GET", "/v1/tenants/acme/events/twice")).status, 404);
  });

  it("names what is wrong with data", async () => {
    const event = nodeCreated();
    delete event.data.node.id;
    event.data.node.colour = "red";
    const { errors } = problem(await server.publish("acme", [nodeCreated(), event]), 422, "event_invalid");
    assert.deepEqual(errors.map((e) => e.index), [1, 1]);
    assert.deepEqual(errors.map((e) => e.path).sort(), ["data.node.colour", "data.node.id"]);
  });

  it("names unknown types and members the server sets", async () => {
    problem(await server.publish("acme", nodeCreated({ type: "bitvault.node.exploded.v1" })), 422, "type_unknown");
    for (const member of ["tenant", "epoch", "sequence", "recordedtime", "salt"]) {
      const { errors } = problem(await server.publish("acme", nodeCreated({ [member]: "x" })), 422, "invalid");
      assert.equal(errors[0].path, member);
    }
    problem(await server.publish("acme", nodeCreated({ Unknown: "x" })), 422, "invalid");
  });

  it("refuses what is no request", async () => {
    problem(await server.publish("acme", "{", {}), 400, "malformed");
    problem(await server.publish("acme", "", {}), 400, "malformed");
    problem(await server.publish("acme", "[".repeat(100_000), { type: "application/cloudevents-batch+json" }), 400, "malformed");
    problem(await server.publish("acme", Uint8Array.from([0x22, 0xff, 0x22]), { type: "application/cloudevents+json" }), 400, "malformed");
    problem(await server.publish("acme", "x", { type: "text/plain" }), 415, "unsupported_media_type");
    problem(await server.publish("acme", nodeCreated(), { type: "application/json" }), 415, "unsupported_media_type");
    problem(await server.publish("acme", []), 422, "invalid");
    problem(await server.call("POST", "/v1/tenants/acme/events?dry_run=1", { body: nodeCreated(), type: "application/cloudevents+json" }), 422, "invalid");
  });

  it("keeps its size limits", async () => {
    const sized = (bytes) => ({
      ...nodeCreated({ path: "/x" }),
      ...Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`x${i}`, "y".repeat(bytes)])),
      subject: "s".repeat(4096),
    });
    assert.equal((await server.publish("acme", sized(1024))).status, 201);
    problem(await server.publish("acme", sized(1025)), 422, "invalid");
    problem(await server.publish("acme", Array.from({ length: 1001 }, () => nodeCreated())), 413, "too_large");
    assert.equal((await server.publish("acme", Array.from({ length: 1000 }, () => nodeCreated()))).status, 201);
    problem(await server.publish("acme", " ".repeat(8 * 1024 * 1024 + 1)), 413, "too_large");
  });

  it("keeps 64-bit numbers as strings, however they were sent", async () => {
    await server.publish("acme", nodeCreated({ id: "size-1", node: { size: "9007199254740993" } }));
    await server.publish("acme", nodeCreated({ id: "size-2", node: { size: 12 } }));
    assert.equal((await server.call("GET", "/v1/tenants/acme/events/size-1")).json.data.node.size, "9007199254740993");
    assert.equal((await server.call("GET", "/v1/tenants/acme/events/size-2")).json.data.node.size, "12");
  });

  it("accepts every example of the catalog", async () => {
    const { json } = await server.call("GET", "/v1/catalog", { key: null });
    assert.ok(json.items.length >= 12);
    for (const { type } of json.items) {
      const { json: entry } = await server.call("GET", `/v1/catalog/${type}`, { key: null });
      const answer = await server.publish("acme", { type, data: entry.example });
      const expected = entry.producer === "system" ? 403 : 201;
      assert.equal(answer.status, expected, `${type}: ${answer.text}`);
      const schema = await server.call("GET", `/v1/catalog/${type}/schema.json`, { key: null });
      assert.equal(schema.json.$schema, "https://json-schema.org/draft/2020-12/schema");
    }
    problem(await server.call("GET", "/v1/catalog/bitvault.none.x.v1", { key: null }), 404, "not_found");
  });
});
