// npm's cloudevents, a client that others use, as producer and consumer.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { CloudEvent, HTTP } from "cloudevents";
import { nodeCreated, Server, shared } from "./lib/server.mjs";

describe("the cloudevents SDK", () => {
  let server;
  const all = shared();
  before(async () => {
    server = await Server.start(all);
    await server.tenant("acme");
  });

  const send = ({ headers, body }) =>
    fetch(`${server.url}/v1/tenants/acme/events`, { method: "POST", headers: { ...headers, authorization: `Bearer ${server.key}` }, body });
  const event = (id, subject) => {
    const { type, data } = nodeCreated();
    return new CloudEvent({ id, type, source: "/sdk", subject, data, time: "2026-11-23T04:22:02.123Z", zone: "eu" });
  };

  for (const mode of ["structured", "binary"]) {
    it(`publishes in ${mode} mode and reads back what it sent`, async () => {
      const sent = event(`sdk-${mode}`, "/plain/subject.txt");
      const response = await send(HTTP[mode](sent));
      assert.equal(response.status, 201, await response.text());
      const { text, headers } = await server.call("GET", `/v1/tenants/acme/events/sdk-${mode}`);
      const read = HTTP.toEvent({ headers: { "content-type": headers.get("content-type") }, body: text });
      for (const member of ["id", "type", "source", "subject", "zone"]) assert.equal(read[member], sent[member]);
      assert.equal(Date.parse(read.time), Date.parse(sent.time));
      assert.deepEqual(read.data, sent.data);
      assert.equal(read.tenant, "acme");
      assert.equal(BigInt(read.sequence) > 0n, true);
    });
  }

  it("reads a batch of the feed", async () => {
    const page = await server.feed("acme", {}, { headers: { accept: "application/cloudevents-batch+json" } });
    const events = HTTP.toEvent({ headers: { "content-type": page.headers.get("content-type") }, body: page.text });
    assert.ok(Array.isArray(events) && events.length >= 2);
    for (const read of events) assert.equal(read.specversion, "1.0");
  });
});
