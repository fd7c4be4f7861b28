// The change feed as text/event-stream, read by npm's eventsource and by raw sockets.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import net from "node:net";
import { describe, it, before } from "node:test";
import { EventSource } from "eventsource";
import { Dice, seed } from "./lib/dice.mjs";
import { droppingProxy } from "./lib/proxy.mjs";
import { nodeCreated, Server, shared } from "./lib/server.mjs";

const kType = "bitvault.node.created.v1";

// What was seen, and a promise for the moment in which a condition about it holds.
class Seen {
  sequences = [];
  #waiting = [];

  add(sequence) {
    this.sequences.push(sequence);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => this.sequences.length < count || resolve());
  }

  reaches(count) {
    if (this.sequences.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}

const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

// An EventSource with the server's key, or another; it is closed with the test.
function listen(test, server, tenant, { query = {}, url = server.url, key = server.key } = {}) {
  const parameters = new URLSearchParams(query);
  const source = new EventSource(`${url}/v1/tenants/${tenant}/events?${parameters}`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } }),
  });
  test.after(() => source.close());
  const seen = new Seen();
  source.addEventListener(kType, ({ data }) => seen.add(Number(JSON.parse(data).sequence)));
  return { source, seen };
}

// A connection that has asked for the stream and reads only when told.
async function rawStream(test, server, tenant, query = "") {
  const { hostname, port } = new URL(server.url);
  const socket = net.connect(Number(port), hostname);
  socket.on("error", () => {});
  test.after(() => socket.destroy());
  await once(socket, "connect");
  socket.write(
    `GET /v1/tenants/${tenant}/events${query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.key}\r\n` +
      "Accept: text/event-stream\r\n\r\n",
  );
  return socket;
}

async function residentBytes(server) {
  const status = await readFile(`/proc/${server.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024;
}

describe("change feed as a stream", () => {
  let server;
  const all = shared();
  let tenants = 0;
  const tenant = async () => {
    tenants += 1;
    await server.tenant(`t${tenants}`);
    return `t${tenants}`;
  };
  before(async () => {
    server = await Server.start(all);
  });

  it("gives what is retained and then what comes", async (test) => {
    const name = await tenant();
    await server.publish(name, numbers(1, 30).map(() => nodeCreated()));
    const { seen } = listen(test, server, name);
    await seen.reaches(30);
    for (let i = 0; i < 5; i += 1) await server.publish(name, nodeCreated());
    await seen.reaches(35);
    assert.deepEqual(seen.sequences, numbers(1, 35));
  });

  it("sends the event's exact bytes under its cursor", async (test) => {
    const name = await tenant();
    await server.publish(name, nodeCreated({ id: "exact" }));
    const { source } = listen(test, server, name);
    const [message] = await new Promise((resolve) => source.addEventListener(kType, (m) => resolve([m])));
    assert.equal(message.data, (await server.call("GET", `/v1/tenants/${name}/events/exact`)).text);
    const { json } = await server.feed(name, { cursor: message.lastEventId });
    assert.deepEqual(json.events, []);
  });

  it(`loses and repeats nothing when connections break (seed ${seed})`, async (test) => {
    const dice = new Dice();
    const name = await tenant();
    const proxy = await droppingProxy(test, server.url, dice);
    const clients = numbers(1, 3).map(() => listen(test, server, name, { url: proxy.url }));
    let published = 0;
    while (published < 300) {
      const count = 1 + dice.below(20);
      await server.publish(name, numbers(1, count).map(() => nodeCreated()));
      published += count;
    }
    for (const { seen } of clients) {
      await seen.reaches(published);
      assert.deepEqual(seen.sequences, numbers(1, published));
    }
    assert.ok(proxy.drops() > 3, `${proxy.drops()} connections broke`);
  });

  it(`gives each event once, whichever transport comes next (seed ${seed})`, async (test) => {
    const dice = new Dice();
    const name = await tenant();
    let published = 0;
    const publish = async () => {
      const count = 1 + dice.below(30);
      await server.publish(name, numbers(1, count).map(() => nodeCreated()));
      published += count;
    };
    const read = {
      async json(cursor) {
        const { json } = await server.feed(name, { limit: 1 + dice.below(20), wait: dice.below(2), ...(cursor && { cursor }) });
        return [json.events, json.next_cursor];
      },
      async ndjson(cursor) {
        const page = await server.feed(name, { limit: 7, ...(cursor && { cursor }) }, { headers: { accept: "application/x-ndjson" } });
        const lines = page.text.split("\n").filter(Boolean);
        return [lines.map((line) => JSON.parse(line)), page.headers.get("bitvault-next-cursor")];
      },
      async batch(cursor) {
        const page = await server.feed(name, { limit: 9, ...(cursor && { cursor }) }, { headers: { accept: "application/cloudevents-batch+json" } });
        return [page.json, page.headers.get("bitvault-next-cursor")];
      },
      // Leaves after some events, wherever that is.
      async stream(cursor) {
        const wanted = 1 + dice.below(15);
        await publish();
        const { source } = listen(test, server, name, { query: cursor ? { cursor } : {} });
        const events = [];
        let last = cursor;
        await new Promise((resolve) => {
          source.addEventListener(kType, (message) => {
            if (events.length === wanted) return;
            events.push(JSON.parse(message.data));
            last = message.lastEventId;
            if (events.length === wanted || Number(events.at(-1).sequence) === published) {
              source.close();
              resolve();
            }
          });
        });
        return [events, last];
      },
    };
    const sequences = [];
    let cursor;
    for (let i = 0; i < 60; i += 1) {
      if (dice.below(3) === 0) await publish();
      const transport = Object.keys(read)[dice.below(4)];
      const [events, next] = await read[transport](cursor);
      sequences.push(...events.map((event) => Number(event.sequence)));
      cursor = next;
    }
    const rest = await server.all(name, { cursor });
    sequences.push(...rest.map((event) => Number(event.sequence)));
    assert.deepEqual(sequences, numbers(1, published));
  });

  it("filters", async (test) => {
    const name = await tenant();
    const { seen } = listen(test, server, name, { query: { subject_prefix: "/wanted/" } });
    await server.publish(name, [nodeCreated({ path: "/a" }), nodeCreated({ path: "/wanted/1" })]);
    await server.publish(name, [nodeCreated({ path: "/b" }), nodeCreated({ path: "/wanted/2" })]);
    const pattern = JSON.stringify({ data: { node: { path: [{ suffix: "/2" }] } } });
    const matched = listen(test, server, name, { query: { pattern } });
    await seen.reaches(2);
    assert.deepEqual(seen.sequences, [2, 4]);
    await matched.seen.reaches(1);
    await server.publish(name, [nodeCreated({ path: "/c" }), nodeCreated({ path: "/other/2" })]);
    await matched.seen.reaches(2);
    assert.deepEqual(matched.seen.sequences, [4, 6]);
  });

  it("tells how far the journal is, and no more, in notify mode", async (test) => {
    const name = await tenant();
    await server.publish(name, nodeCreated());
    const { source, seen } = listen(test, server, name, { query: { mode: "notify" } });
    let next;
    const advanced = () => new Promise((resolve) => (next = resolve));
    source.addEventListener("advanced", ({ data }) => next(JSON.parse(data).cursor));
    await advanced();
    const news = advanced();
    await server.publish(name, nodeCreated());
    const { json } = await server.feed(name, { cursor: await news });
    assert.deepEqual(json.events, []);
    assert.deepEqual(seen.sequences, []);
    assert.equal((await server.feed(name, { mode: "notify" })).json.code, "invalid");
    assert.equal((await server.feed(name, { mode: "all" }, { headers: { accept: "text/event-stream" } })).json.code, "invalid");
  });

  it("ends a history that is over with a reset, from which the client goes on by itself", async (test) => {
    const name = await tenant();
    await server.publish(name, [nodeCreated(), nodeCreated()]);
    const { source, seen } = listen(test, server, name);
    await seen.reaches(2);
    const reset = new Promise((resolve) => source.addEventListener("reset", ({ data }) => resolve(JSON.parse(data))));
    await server.call("DELETE", `/v1/tenants/${name}`);
    for (let again = { status: 409 }; again.status === 409; ) again = await server.tenant(name);
    await server.publish(name, [nodeCreated(), nodeCreated(), nodeCreated()]);
    const { code, reason, earliest_cursor, latest_cursor } = await reset;
    assert.deepEqual([code, reason], ["cursor_reset", "epoch_changed"]);
    assert.equal((await server.feed(name, { cursor: earliest_cursor })).json.events.length, 3);
    assert.equal((await server.feed(name, { cursor: latest_cursor })).status, 200);
    await seen.reaches(5);
    assert.deepEqual(seen.sequences, [1, 2, 1, 2, 3]);
  });

  it("refuses what is no cursor, as every transport does", async () => {
    const name = await tenant();
    const { json: { cursor } } = await server.call("GET", `/v1/tenants/${name}/cursor?at=latest`);
    for (let at = 0; at < cursor.length; at += 1) {
      const flipped = cursor.slice(0, at) + (cursor[at] === "A" ? "B" : "A") + cursor.slice(at + 1);
      for (const accept of ["application/json", "text/event-stream"]) {
        const { status, json } = await server.feed(name, { cursor: flipped }, { headers: { accept } });
        assert.deepEqual([status, json.code], [400, "cursor_invalid"], `byte ${at} by ${accept}`);
      }
    }
    const last = await server.feed(name, { cursor }, { headers: { accept: "text/event-stream", "last-event-id": "none" } });
    assert.equal(last.json.code, "cursor_invalid", "Last-Event-ID counts more than cursor");
  });

  it("ends when its key is revoked", async (test) => {
    const name = await tenant();
    const { json: { id, key } } = await server.call("POST", `/v1/tenants/${name}/keys`, { body: { name: "reader", scopes: ["events:read"] } });
    const response = await fetch(`${server.url}/v1/tenants/${name}/events`, {
      headers: { authorization: `Bearer ${key}`, accept: "text/event-stream" },
    });
    assert.equal(response.status, 200);
    const started = performance.now();
    await server.call("DELETE", `/v1/tenants/${name}/keys/${id}`);
    await response.text().catch(() => {}); // until it is cut
    assert.ok(performance.now() - started < 5_000, `after ${performance.now() - started} ms`);
    await assert.rejects(async () => {
      const again = await fetch(response.url, { headers: { authorization: `Bearer ${key}`, accept: "text/event-stream" } });
      assert.equal(again.status, 200);
    });
  });

  it("buffers nothing for clients that do not read, and serves the others", async (test) => {
    const name = await tenant();
    const before = await residentBytes(server);
    for (let i = 0; i < 50; i += 1) await rawStream(test, server, name);
    const { seen } = listen(test, server, name);
    const large = () => nodeCreated({ path: `/${"x".repeat(2_000)}/${"y".repeat(200)}` });
    for (let i = 0; i < 10; i += 1) {
      const { status, text } = await server.publish(name, numbers(1, 1_000).map(large));
      assert.equal(status, 201, text);
    }
    await seen.reaches(10_000);
    assert.deepEqual(seen.sequences, numbers(1, 10_000));
    const grown = (await residentBytes(server)) - before;
    assert.ok(grown < 400e6, `grown by ${grown} bytes`);
  });

  it("wakes a thousand waiting readers of each kind with one commit", async (test) => {
    const name = await tenant();
    const polls = numbers(1, 1_000).map(() => server.feed(name, { wait: 60 }));
    const streams = await Promise.all(numbers(1, 1_000).map(() => rawStream(test, server, name)));
    const told = streams.map(
      (socket) =>
        new Promise((resolve) => {
          let text = "";
          socket.setEncoding("utf8").on("data", (part) => {
            text += part;
            if (text.includes('"sequence":"00000000000000000001"')) resolve();
          });
        }),
    );
    await server.publish(name, nodeCreated());
    for (const { json } of await Promise.all(polls)) assert.equal(json.events.length, 1);
    await Promise.all(told);
    for (const socket of streams) socket.destroy();
  });

  it("lets the server stop", async (test) => {
    const own = await Server.start(test);
    await own.tenant("acme");
    await own.publish("acme", nodeCreated());
    const { seen } = listen(test, own, "acme");
    await seen.reaches(1);
    const started = performance.now();
    assert.deepEqual(await own.stop(), { code: 0, signal: null });
    assert.ok(performance.now() - started < 5_000);
  });
});
