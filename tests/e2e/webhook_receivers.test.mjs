// Receivers that are hostile, slow or strict: each costs one bounded attempt, with its reason.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createTcp } from "node:net";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { createServer as createTls } from "node:https";
import { gzipSync } from "node:zlib";
import { Receiver } from "./lib/receiver.mjs";
import { run, Server, shared, temporaryFolder } from "./lib/server.mjs";

// A server that speaks bytes: `serve(socket)` is called once a request's head has come.
async function raw(test, serve) {
  const sockets = new Set();
  const server = createTcp((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    socket.once("data", () => serve(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/hook`;
}

const endless = (socket, text, every) => {
  const timer = setInterval(() => socket.write(text), every);
  socket.on("close", () => clearInterval(timer));
};

describe("webhooks and their receivers", () => {
  const all = shared();
  let server;
  before(async () => {
    server = await Server.start(all, { args: ["--allow-private-targets"] });
    await server.tenant("acme");
  });

  // What came of one attempt, now.
  async function attempt(url, settings = {}) {
    const made = await server.call("POST", "/v1/tenants/acme/webhooks", { body: { url, timeout_seconds: 1, ...settings } });
    assert.equal(made.status, 201, made.text);
    const begun = Date.now();
    const tested = await server.call("POST", `/v1/tenants/acme/webhooks/${made.json.id}/test`);
    assert.equal(tested.status, 200, tested.text);
    return { ...tested.json, took: Date.now() - begun, id: made.json.id };
  }

  const failures = [
    ["a status line that is none", (socket) => socket.end("SPAM SPAM SPAM\r\n\r\n"), "connection_broken"],
    ["HTTP/0.9", (socket) => socket.end("hello"), "connection_broken"],
    ["a reset", (socket) => socket.resetAndDestroy(), "connection_broken"],
    ["an end without an answer", (socket) => socket.end(), "connection_broken"],
    ["silence", () => {}, "timeout"],
    ["a head that drips", (socket) => (socket.write("HTTP/1.1 200 OK\r\n"), endless(socket, "X-A: b\r\n", 50)), "timeout"],
    ["a body that drips", (socket) => (socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"), endless(socket, "x", 20)), "timeout"],
    ["a flood of headers", (socket) => socket.end(`HTTP/1.1 200 OK\r\n${"X-A: ".padEnd(1000, "b").concat("\r\n").repeat(200)}\r\n`), "answer_too_large"],
  ];
  for (const [name, serve, reason] of failures) {
    it(`count ${name} as a failed attempt: ${reason}`, async (test) => {
      const got = await attempt(await raw(test, serve));
      assert.equal(got.status, "failed", JSON.stringify(got));
      assert.equal(got.reason, reason, JSON.stringify(got));
      assert.ok(got.took < 4_000, `${got.took} ms`);
    });
  }

  it("read no more of an answer than they keep", async (test) => {
    const chunk = Buffer.alloc(1 << 20, "x");
    let sent = 0;
    const url = await raw(test, (socket) => {
      socket.write("HTTP/1.1 500 No\r\nContent-Length: 104857600\r\n\r\n");
      const more = () => {
        while (sent < 100 && !socket.destroyed) {
          sent += 1;
          if (!socket.write(chunk)) return socket.once("drain", more);
        }
      };
      more();
    });
    const got = await attempt(url);
    assert.equal(got.status_code, 500, JSON.stringify(got));
    assert.ok(got.response.length <= 1024);
    assert.ok(sent < 50, `${sent} MiB were taken`);
  });

  it("take a gzip bomb as the bytes it is", async (test) => {
    const bomb = gzipSync(Buffer.alloc(100 << 20));
    const receiver = await Receiver.start(test, () => ({ status: 500, headers: { "content-encoding": "gzip" }, body: bomb }));
    const got = await attempt(receiver.url);
    assert.equal(got.status_code, 500);
    assert.equal(receiver.deliveries[0].headers["accept-encoding"], undefined);
    assert.ok(got.response.length <= 1024);
  });

  it("follow no redirect", async (test) => {
    const other = await Receiver.start(test);
    const receiver = await Receiver.start(test, () => ({ status: 302, headers: { location: other.url } }));
    const got = await attempt(receiver.url);
    assert.deepEqual([got.status, got.status_code], ["failed", 302]);
    assert.equal(other.deliveries.length, 0);
  });

  it("tell who is not there", async (test) => {
    const closed = createTcp().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address();
    closed.close();
    assert.equal((await attempt(`http://127.0.0.1:${port}/`)).reason, "connection_refused");
    const nowhere = await attempt("https://nowhere.invalid/");
    assert.equal(nowhere.reason, "no_such_host", JSON.stringify(nowhere));
  });

  describe("over TLS", () => {
    let folder;
    const file = (name) => readFile(join(folder, name), "utf8");
    const openssl = async (...words) => {
      const done = await run(words, { command: "openssl" });
      assert.equal(done.code, 0, done.stderr);
    };
    const at = (name) => join(folder, name);

    before(async () => {
      folder = await temporaryFolder(all);
      await openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=ca", "-keyout", at("ca.key"), "-out", at("ca.pem"));
      for (const [name, san] of [["server", "DNS:localhost"], ["other", "DNS:other.example"], ["anna", "DNS:anna"], ["bert", "DNS:bert"]]) {
        await openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", `/CN=${name}`, "-addext", `subjectAltName=${san}`, "-keyout", at(`${name}.key`), "-out", at(`${name}.csr`));
        await openssl("x509", "-req", "-in", at(`${name}.csr`), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", at(`${name}.pem`));
      }
    });

    // An HTTPS receiver; `seen` has who the client was, on which connection.
    async function listen(test, name, options = {}) {
      const seen = [];
      let connections = 0;
      const secure = createTls({ cert: await file(`${name}.pem`), key: await file(`${name}.key`), ca: await file("ca.pem"), ...options }, (request, response) => {
        request.resume().on("end", () => {
          const { socket } = request;
          seen.push({ who: socket.getPeerCertificate?.().subject?.CN, connection: socket.number });
          response.writeHead(204).end();
        });
      });
      secure.on("secureConnection", (socket) => (socket.number = ++connections));
      secure.listen(0, "127.0.0.1");
      await once(secure, "listening");
      test.after(() => {
        secure.closeAllConnections();
        secure.close();
      });
      return { url: `https://localhost:${secure.address().port}/hook`, seen };
    }

    it("trust the system's authorities, or those that they are given", async (test) => {
      const secure = await listen(test, "server");
      const refused = await attempt(secure.url);
      assert.deepEqual([refused.status, refused.reason], ["failed", "tls"], JSON.stringify(refused));
      assert.equal(secure.seen.length, 0);
      assert.equal((await attempt(secure.url, { tls: { ca: await file("ca.pem") } })).status_code, 204);
      const again = await attempt(secure.url);
      assert.equal(again.reason, "tls", "a connection that another webhook trusts is not its own");
    });

    it("want the name in the certificate", async (test) => {
      const secure = await listen(test, "other");
      assert.equal((await attempt(secure.url, { tls: { ca: await file("ca.pem") } })).reason, "tls");
    });

    it("show each its own client certificate, never another's", async (test) => {
      const secure = await listen(test, "server", { requestCert: true, rejectUnauthorized: false });
      const ca = await file("ca.pem");
      const as = async (name) => ({ tls: { ca, ...(name ? { client_certificate: await file(`${name}.pem`), client_key: await file(`${name}.key`) } : {}) } });
      for (const name of ["anna", "bert", undefined, "anna", "bert", undefined]) {
        assert.equal((await attempt(secure.url, await as(name))).status_code, 204);
        assert.equal(secure.seen.at(-1).who, name);
      }
      const byConnection = new Map();
      for (const { who, connection } of secure.seen) {
        assert.equal(byConnection.get(connection) ?? who, who, "one connection, one identity");
        byConnection.set(connection, who);
      }
    });
  });
});
