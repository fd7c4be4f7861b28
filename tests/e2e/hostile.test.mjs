// What the internet sends: each of it gets a clear 4xx or costs little; nothing is appended, nothing
// ends as a 5xx, and the server's memory stays.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { before, describe, it } from "node:test";
import { nodeCreated, Server, shared } from "./lib/server.mjs";

const EVENTS = "/v1/tenants/acme/events";
const TRY = "/v1/tenants/acme/patterns/test";
const MiB = 1024 * 1024;
const nested = (depth, open, close) => open.repeat(depth) + "1" + close.repeat(depth);
const deepObject = (depth) => nested(depth, '{"a":', "}");

describe("hostile input", () => {
  const all = shared();
  let server;
  let headBefore;
  let rssBefore;

  const rss = async () => Number((await readFile(`/proc/${server.pid}/status`, "utf8")).match(/VmRSS:\s+(\d+)/)[1]) * 1024;
  const head = async () => (await server.call("GET", "/v1/tenants/acme")).json.head;
  const post = (path, body, type = "application/json") => server.call("POST", path, { body, type });
  const event = (members) => `{"type":"bitvault.node.created.v1",${members}}`;
  const data = JSON.stringify(nodeCreated().data);

  // Each answer is a problem with one of these codes.
  const refused = (answer, ...codes) => {
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.text.slice(0, 300)}`);
    assert.match(answer.headers.get("content-type"), /^application\/problem\+json/);
    assert.ok(codes.includes(answer.json.code), `${answer.json.code} is none of ${codes}: ${answer.text.slice(0, 300)}`);
    assert.ok(answer.text.length < 20_000, "an answer does not give back what was sent");
  };
  // Sends bytes on a connection of its own, in pieces; gives all that came until the server closed.
  const raw = (pieces, { end = true } = {}) =>
    new Promise((done) => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      let answer = "";
      socket.setEncoding("latin1").on("data", (text) => (answer += text));
      socket.on("error", () => {}).on("close", () => done(answer));
      (async () => {
        for (const piece of pieces) {
          if (!socket.write(piece) && !socket.destroyed) await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
          if (socket.destroyed) return;
        }
        if (end) socket.end();
      })();
    });
  const request = (headers) => `POST ${EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.key}\r\n${headers.map((line) => line + "\r\n").join("")}\r\n`;

  before(async () => {
    server = await Server.start(all);
    await server.tenant("acme");
    await server.publish("acme", nodeCreated());
    headBefore = await head();
    rssBefore = await rss();
  });
  it("JSON that is nested 100,000 deep", async () => {
    const deep = [nested(100_000, "[", "]"), deepObject(100_000), "[".repeat(100_000)];
    for (const value of deep) {
      refused(await post(EVENTS, event(`"data":${value}`), "application/cloudevents+json"), "malformed");
      refused(await post(EVENTS, `[${event(`"data":${value}`)}]`, "application/cloudevents-batch+json"), "malformed");
      refused(await post(EVENTS, `${event(`"data":${value}`)}\n`, "application/x-ndjson"), "malformed");
      refused(await post(EVENTS, value, "application/cloudevents+json"), "malformed", "invalid");
      // the bodies of the API's own routes are smaller than that
      for (const path of ["/v1/tenants/acme/keys", TRY]) refused(await post(path, value), "too_large", "malformed");
      refused(await server.call("PUT", "/v1/tenants/acme", { body: value }), "too_large", "malformed");
    }
    for (const value of [nested(30_000, "[", "]"), deepObject(9_000)]) {
      refused(await post(TRY, `{"pattern":{"a":[1]},"event":{"a":${value}}}`), "malformed", "invalid");
      refused(await post("/v1/tenants/acme/keys", `{"name":${value},"scopes":[]}`), "malformed", "invalid");
    }
    refused(await post(TRY, `{"pattern":${deepObject(3_000)},"event":{}}`), "invalid", "malformed");
    refused(await server.feed("acme", { pattern: deepObject(300) }), "invalid");
  });

  it("names that are given twice", async () => {
    for (const members of [
      `"data":${data},"data":${data}`,
      `"type":"bitvault.node.created.v1","data":${data}`,
      `"id":"a","data":${data},"id":"b"`,
      `"data":${data.replace("{", '{"actor":{"kind":"ACTOR_KIND_USER","id":"u_2"},')}`,
      `"data":${data.replace('"node":{', '"node":{"id":"n_other",')}`,
    ]) {
      refused(await post(EVENTS, event(members), "application/cloudevents+json"), "invalid", "event_invalid");
    }
    refused(await post(TRY, '{"pattern":{"a":[1],"a":[2]},"event":{"a":1}}'), "invalid");
    refused(await post(TRY, '{"pattern":{"a":[1]},"event":{},"event":{"a":1}}'), "invalid");
    refused(await server.feed("acme", { pattern: '{"type":["a"],"type":["b"]}' }), "invalid");
    refused(await server.call("GET", `${EVENTS}?limit=1&limit=2`), "invalid");
  });

  it("bytes that are no UTF-8, and NUL", async () => {
    const bytes = (text) => Buffer.from(text, "latin1"); // \xff stays one byte
    for (const bad of ["\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"]) {
      refused(await post(EVENTS, bytes(event(`"subject":"${bad}","data":${data}`)), "application/cloudevents+json"), "malformed");
      refused(await post(EVENTS, bytes(event(`"data":${data.replace("u_1", bad)}`)), "application/x-ndjson"), "malformed");
      refused(await post(TRY, bytes(`{"pattern":{"a":["${bad}"]},"event":{"a":1}}`)), "malformed");
      refused(await post(TRY, bytes(`{"pattern":{"a":[1]},"event":{"a":"${bad}"}}`)), "malformed");
      refused(await server.call("PUT", "/v1/tenants/acme", { body: bytes(`{"display_name":"${bad}"}`) }), "malformed");
    }
    for (const text of ["\\u0000", "\\ud800", "\u0000"]) {
      refused(await post(EVENTS, event(`"subject":"a${text}","data":${data}`), "application/cloudevents+json"), "invalid", "malformed");
      refused(await post(EVENTS, event(`"id":"a${text}","data":${data}`), "application/cloudevents+json"), "invalid", "malformed");
    }
    for (const query of ["cursor=%00", "cursor=%ff", "type=%00", "pattern=%ff", "pattern=%00", "partitionkey=%zz"]) {
      refused(await server.call("GET", `${EVENTS}?${query}`), "cursor_invalid", "invalid", "malformed");
    }
    for (const path of ["%00", "%ff", "a%2fb", "..%2f..", "%zz"]) {
      refused(await server.call("GET", `/v1/tenants/${path}/events`), "not_found", "malformed", "invalid");
      refused(await server.call("GET", `${EVENTS}/${path}`), "not_found", "malformed");
    }
  });

  it("numbers that nothing can hold", async () => {
    for (const number of ["1e999", "-1e999", "1" + "0".repeat(400), "18446744073709551616", "NaN", "0x10", "01", "1.", "+1"]) {
      refused(await post(EVENTS, event(`"data":${data.replace('"node":{', `"node":{"size":${number},`)}`), "application/cloudevents+json"), "malformed", "event_invalid");
      refused(await post(EVENTS, event(`"ext":${number},"data":${data}`), "application/cloudevents+json"), "malformed", "invalid");
      refused(await post(TRY, `{"pattern":{"a":[1]},"since":${number}}`), "malformed", "invalid");
      refused(await server.call("PUT", "/v1/tenants/acme", { body: `{"rate_limit":${number}}` }), "malformed", "invalid");
    }
    for (const number of ["1e999", "1" + "0".repeat(400), "18446744073709551616", "-1", "NaN", "0x10", "1.", "+1"]) {
      refused(await server.feed("acme", { limit: number }), "invalid");
      refused(await server.feed("acme", { wait: number }), "invalid");
    }
    for (const number of ["0", "-1", "1001", "", " 1", "1e1"]) refused(await server.feed("acme", { limit: number }), "invalid");
  });

  it("bodies of 64 MiB, announced or not, with and without a key", async () => {
    const chunk = Buffer.from(`${MiB.toString(16)}\r\n${" ".repeat(MiB)}\r\n`);
    const plain = Buffer.from(" ".repeat(MiB));
    const keyless = (headers) => request(headers).replace(/Authorization: .*\r\n/, "");
    const type = "Content-Type: application/cloudevents+json";
    for (const [begin, status] of [[request, 413], [keyless, "4(01|13)"]]) {
      const announced = await raw([begin([type, `Content-Length: ${64 * MiB}`]), ...Array(64).fill(plain)]);
      assert.match(announced, new RegExp(`^(HTTP/1\\.1 ${status} |$)`));
      const chunked = await raw([begin([type, "Transfer-Encoding: chunked"]), ...Array(64).fill(chunk)]);
      assert.match(chunked, new RegExp(`^(HTTP/1\\.1 ${status} |$)`));
      // who waits for leave is told before anything is sent
      assert.match(await raw([begin([type, "Expect: 100-continue", `Content-Length: ${64 * MiB}`])]), new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });

  it("200 half-open requests of each kind: the others are served meanwhile", async () => {
    const waiting = [];
    for (let i = 0; i < 200; ++i) {
      waiting.push(raw(["GET /v1/tenants HTTP/1.1\r\nHost: x\r\nX-Slow: "], { end: false }));
      waiting.push(raw([request(["Content-Type: application/x-ndjson", "Content-Length: 1000"]), "{"], { end: false }));
    }
    const times = [];
    for (let i = 0; i < 50; ++i) {
      const started = performance.now();
      assert.equal((await server.feed("acme")).status, 200);
      refused(await server.publish("acme", "{"), "malformed");
      times.push(performance.now() - started);
    }
    assert.ok(Math.max(...times) < 2_000, `${times}`);
    const slowHeads = await Promise.all(waiting.filter((_, i) => i % 2 === 0));
    for (const answer of slowHeads) assert.match(answer, /^(HTTP\/1\.1 408 |$)/);
  });

  it("floods of headers", async () => {
    const get = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
    for (const flood of [
      Array(1_000).fill("A: b\r\n".repeat(1_000)),
      [`A: ${"b".repeat(10 * MiB)}\r\n`],
      [`${"a".repeat(MiB)}: b\r\n`],
      Array(500).fill(" folded\r\n".repeat(100)),
    ]) {
      assert.match(await raw([get, ...flood, "\r\n"]), /^(HTTP\/1\.1 4(00|31) |$)/);
    }
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`ce-x${i}`, "1"]));
    refused(await server.call("POST", EVENTS, { body: data, headers: { "ce-type": "bitvault.node.created.v1", "ce-specversion": "1.0", ...many } }), "invalid");
  });

  it("lengths that contradict each other", async () => {
    const body = "0\r\n\r\n";
    for (const headers of [
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      ["Transfer-Encoding: chunked", "Content-Length: 5"],
      ["Content-Length: 5", "Content-Length: 6"],
      ["Content-Length: 5, 6"],
      ["Content-Length: +5"],
      ["Content-Length: 5 5"],
      ["Transfer-Encoding: gzip, chunked"],
      ["Transfer-Encoding: chunked, chunked"],
      ["Transfer-Encoding: identity"],
      ["Transfer-Encoding: xchunked"],
      ["Transfer-Encoding : chunked"],
    ]) {
      const answer = await raw([request(headers), body, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"]);
      assert.match(answer, /^(HTTP\/1\.1 (4\d\d|501) |$)/, headers.join());
      assert.doesNotMatch(answer, /HTTP\/1\.1 200/, `${headers}: what follows is not taken for a request`);
    }
  });

  it("parameters and members that nobody knows", async () => {
    for (const query of ["limits=1", "Limit=1", "cursor", "mode=notify", "mode=x", "type=", "type=%2A%2A", "pattern=", "pattern=1", "wait=61", "a[]=1"]) {
      refused(await server.call("GET", `${EVENTS}?${query}`), "invalid", "cursor_invalid");
    }
    refused(await server.call("GET", `/v1/tenants/acme/cursor?at=later`), "invalid");
    refused(await server.call("GET", `/v1/tenants/acme/cursor`), "invalid");
    refused(await server.call("PUT", "/v1/tenants/acme", { body: { retentoin: {} } }), "invalid");
    refused(await server.publish("acme", { ...nodeCreated(), Type: "x" }), "invalid");
    const unknown = nodeCreated();
    unknown.data.node.colour = "red";
    refused(await server.publish("acme", unknown), "event_invalid");
  });

  it("patterns that would cost much", async () => {
    const many = Array.from({ length: 8_000 }, (_, i) => i);
    const or = { $or: Array.from({ length: 12 }, (_, i) => ({ [`f${i}`]: [1] })) };
    const patterns = {
      stars: { subject: [{ wildcard: "a*".repeat(200) }] },
      values: { subject: many },
      product: { a: or, b: or, c: or, d: or },
      fields: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`f${i}`, [1]])),
      range: { a: [{ numeric: [">", 1, "<", 0] }] },
      cidr: { a: [{ cidr: "1.2.3.4/99" }] },
      operator: { a: [{ regex: "(a+)+" }] },
    };
    for (const [name, pattern] of Object.entries(patterns)) {
      const started = performance.now();
      refused(await post(TRY, JSON.stringify({ pattern, event: { a: 1 } })), "invalid", "too_large");
      assert.ok(performance.now() - started < 2_000, name);
    }
    refused(await server.feed("acme", { pattern: JSON.stringify(patterns.stars) }), "invalid");
    refused(await post(TRY, JSON.stringify({ pattern: { subject: Array.from({ length: 100_000 }, (_, i) => i) }, event: {} })), "too_large");
    // what is allowed is quick on the worst of events
    const worst = { a: [{ wildcard: "a*".repeat(16) + "b" }] };
    const started = performance.now();
    const answer = await post(TRY, JSON.stringify({ pattern: worst, event: { a: "a".repeat(60_000) } }));
    assert.equal(answer.json.matched, false);
    assert.ok(performance.now() - started < 2_000);
  });

  it("has changed nothing, and the server is well", async () => {
    assert.equal(await head(), headBefore, "nothing of it was appended");
    const metrics = await server.call("GET", "/metrics");
    assert.match(metrics.text, /^bitvault_http_answers_total\{status="5xx"\} 0$/m, "no request of it ended as a 5xx");
    const grown = (await rss()) - rssBefore;
    assert.ok(grown < 100 * MiB, `the server has grown by ${Math.round(grown / MiB)} MiB`);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });
});
