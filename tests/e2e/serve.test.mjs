import assert from "node:assert/strict";
import { chmod, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { binary, nodeCreated, run, Server, temporaryFolder } from "./lib/server.mjs";

describe("serve", () => {
  it("makes its data folder private and keeps what was committed over a restart", async (test) => {
    const first = await Server.start(test);
    assert.equal((await stat(first.data)).mode & 0o777, 0o700);
    for (const file of ["operator.key", "master.key"]) assert.equal((await stat(join(first.data, file))).mode & 0o777, 0o600);
    await first.tenant("acme");
    await first.publish("acme", [nodeCreated(), nodeCreated()]);
    const { text } = await first.feed("acme");
    assert.deepEqual(await first.stop(), { code: 0, signal: null });
    const second = await Server.start(test, { data: first.data });
    assert.equal(second.key, first.key);
    assert.equal((await second.feed("acme")).text, text, "the same bytes and cursors");
    await second.stop();
  });

  it("uses an operator key that is already there", async (test) => {
    const first = await Server.start(test);
    await first.stop();
    await writeFile(join(first.data, "operator.key"), "my-own-operator-key-0123456789\n");
    const second = await Server.start(test, { data: first.data });
    assert.equal((await second.call("GET", "/v1/tenants", { key: "my-own-operator-key-0123456789" })).status, 200);
    assert.equal((await second.call("GET", "/v1/tenants", { key: first.key })).status, 401);
    await second.stop();
  });

  it("refuses a second process on the same folder", async (test) => {
    const server = await Server.start(test);
    const second = await run(["serve", "--data", server.data, "--listen", "127.0.0.1:0"]);
    assert.equal(second.code, 2, second.stderr);
    assert.match(second.stderr, /in use/);
    assert.equal((await server.call("GET", "/readyz")).status, 200);
    await server.stop();
  });

  it("refuses a master key that is not the store's, or is gone", async (test) => {
    const server = await Server.start(test);
    await server.stop();
    const file = join(server.data, "master.key");
    const key = await readFile(file, "utf8");
    const refused = async (pattern) => {
      const end = await run(["serve", "--data", server.data, "--listen", "127.0.0.1:0"]);
      assert.equal(end.code, 2, end.stderr);
      assert.match(end.stderr, pattern);
      assert.equal(end.stderr.trim().split("\n").length, 1, end.stderr);
    };
    await writeFile(file, Buffer.alloc(32, 7).toString("base64url"));
    await refused(/master key/);
    await unlink(file);
    await refused(/missing/);
    await writeFile(file, key, { mode: 0o644 });
    await chmod(file, 0o644);
    await refused(/chmod 600/);
    await chmod(file, 0o600);
    await (await Server.start(test, { data: server.data })).stop();
  });

  it("says what is wrong with its configuration in one line, and exits 2", async (test) => {
    const data = join(await temporaryFolder(test), "data");
    const cases = [
      ["--listen", "nonsense"], ["--listen", "127.0.0.1:99999"], ["--listen", "203.0.113.1:0"], ["--watch", "no-equals-sign"],
      ["--watch", "acme=/does/not/exist"], ["--watch", "BAD=/tmp"], ["--store", "oracle://x"], ["--bus", "kafka://x"],
      ["--roles", "api,king"], ["--config", "/does/not/exist.toml"], ["--nonsense"],
    ];
    for (const args of cases) {
      const end = await run(["serve", "--data", data, ...(args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"]), ...args]);
      assert.equal(end.code, 2, `${args}: ${end.stdout}${end.stderr}`);
      assert.equal(end.stderr.trim().split("\n").length, 1, `${args}: ${end.stderr}`);
    }
  });

  it("answers long polls when it is told to stop, and exits 0", async (test) => {
    const server = await Server.start(test);
    await server.tenant("acme");
    const polls = Array.from({ length: 10 }, () => server.feed("acme", { wait: 60 }));
    let waiting = 0;
    do {
      const { text } = await server.call("GET", "/metrics");
      waiting = Number(text.match(/bitvault_feed_waiting (\d+)/)?.[1] ?? 0);
    } while (waiting < 10);
    const started = performance.now();
    const end = server.stop();
    for (const poll of await Promise.all(polls)) {
      assert.equal(poll.status, 200);
      assert.deepEqual(poll.json.events, []);
      assert.ok(poll.json.next_cursor);
    }
    assert.deepEqual(await end, { code: 0, signal: null });
    assert.ok(performance.now() - started < 5_000);
  });

  it("shows what it counts of connections, answers and bytes", async (test) => {
    const server = await Server.start(test);
    const metrics = async () => {
      const { text } = await server.call("GET", "/metrics");
      return new Map(text.split("\n").filter((line) => line.startsWith("bitvault_http_")).map((line) => {
        const [name, value] = line.slice("bitvault_http_".length).split(" ");
        return [name, Number(value)];
      }));
    };
    const before = await metrics();
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    const refusal = new Promise((done) => socket.once("data", done));
    socket.write("GARBAGE\r\n\r\n");
    await refusal;
    socket.destroy();
    for (let i = 0; i < 3; i += 1) await server.call("GET", "/healthz");
    await server.call("GET", "/v2/nothing");
    const after = await metrics();
    const grown = (name) => after.get(name) - before.get(name);
    assert.equal(grown('answers_total{status="2xx"}'), 4, "three, and the metrics before");
    assert.equal(grown('answers_total{status="4xx"}'), 2);
    assert.equal(grown('answers_total{status="5xx"}'), 0);
    assert.ok(grown("connections_accepted_total") >= 1);
    assert.ok(after.get("connections_open") >= 1, "this one");
    assert.ok(grown("received_bytes_total") > 13 && grown("sent_bytes_total") > 500);
    for (const name of ["connections_turned_away_total", "accept_failures_total", "clients_gone_total"]) assert.equal(after.get(name), 0, name);
    await server.stop();
  });

  it("survives hostile bytes", async (test) => {
    const server = await Server.start(test);
    const { port } = new URL(server.url);
    const send = (bytes) =>
      new Promise((done) => {
        let answer = "";
        const socket = connect(Number(port), "127.0.0.1", () => socket.end(bytes));
        socket.setEncoding("latin1").on("data", (text) => (answer += text));
        socket.on("close", () => done(answer)).on("error", () => done(answer));
      });
    const cases = [
      "GARBAGE\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "POST /v1/tenants/a/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /v1/tenants/a/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "POST /v1/tenants/a/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "POST /v1/tenants/a/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      `GET / HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(10_000)}\r\n`,
      `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST /v1/tenants/a/events HTTP/1.1\r\nHost: x\r\nContent-Length: 67108864\r\n\r\n",
    ];
    for (const bytes of cases) {
      const answer = await send(bytes);
      assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/, bytes.slice(0, 60));
    }
    assert.equal((await server.call("GET", "/healthz")).status, 200);
    await server.stop();
  });

  it("tells its version and its help", async () => {
    const help = await run(["--help"]);
    assert.equal(help.code, 0);
    for (const word of ["serve", "publish", "tail", "tenants", "keys", "catalog"]) assert.match(help.stdout, new RegExp(word));
    assert.equal((await run(["serve", "--help"])).code, 0);
    assert.equal((await run(["nonsense"])).code, 2);
    assert.ok(binary);
  });
});
