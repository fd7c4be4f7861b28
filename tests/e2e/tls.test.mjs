// HTTPS: the real server with certificates that openssl makes, read by node and by the command line.
import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { describe, it } from "node:test";
import tls from "node:tls";
import { nodeCreated, run, Server, temporaryFolder } from "./lib/server.mjs";

// A self-signed certificate and its key in this folder.
async function certificate(folder, name) {
  const cert = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-keyout", key, "-out", cert];
  const end = await run([...args, "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"], { command: "openssl" });
  assert.equal(end.code, 0, end.stderr);
  return { cert, key };
}

async function start(test, { cert, key }, options = {}) {
  const server = await Server.start(test, { ...options, args: ["--tls-cert", cert, "--tls-key", key] });
  assert.match(server.url, /^https:/);
  return server;
}

// One request over https, by a new connection or the agent's.
async function send(server, ca, method, path, { body, agent, type = "application/json" } = {}) {
  const request = https.request(server.url + path, {
    method,
    ca: await readFile(ca),
    agent: agent ?? false,
    headers: { authorization: `Bearer ${server.key}`, ...(body === undefined ? {} : { "content-type": type }) },
  });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await once(request, "response");
  return response;
}

async function call(...args) {
  const response = await send(...args);
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece;
  return { status: response.statusCode, text, json: text ? JSON.parse(text) : undefined };
}

const publish = (server, ca, events) =>
  call(server, ca, "POST", "/v1/tenants/acme/events", { body: events, type: "application/cloudevents-batch+json" });

// Which certificate a new connection is shown.
async function shown(server) {
  const { hostname, port } = new URL(server.url);
  const socket = tls.connect({ host: hostname, port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN;
}

async function logged(server, pattern) {
  const { stdout, stderr } = server.child;
  while (!pattern.test(server.log)) await Promise.race([once(stdout, "data"), once(stderr, "data")]);
}

describe("https", () => {
  it("publishes and reads", async (test) => {
    const pair = await certificate(await temporaryFolder(test), "first");
    const server = await start(test, pair);
    assert.equal((await call(server, pair.cert, "PUT", "/v1/tenants/acme", { body: {} })).status, 201);
    const events = Array.from({ length: 1000 }, () => nodeCreated());
    assert.equal((await publish(server, pair.cert, events)).status, 201);
    const page = await call(server, pair.cert, "GET", "/v1/tenants/acme/events?limit=1000");
    assert.equal(page.json.events.length, 1000);
    await server.stop();
  });

  it("streams server-sent events as they come", async (test) => {
    const pair = await certificate(await temporaryFolder(test), "first");
    const server = await start(test, pair);
    await call(server, pair.cert, "PUT", "/v1/tenants/acme", { body: {} });
    const request = https.get(`${server.url}/v1/tenants/acme/events`, {
      ca: await readFile(pair.cert),
      headers: { authorization: `Bearer ${server.key}`, accept: "text/event-stream" },
    });
    test.after(() => request.destroy());
    const [response] = await once(request, "response");
    assert.equal(response.statusCode, 200);
    let text = "";
    response.setEncoding("utf8").on("data", (piece) => (text += piece));
    const sequences = () => [...text.matchAll(/"sequence":"0*(\d+)"/g)].map(([, number]) => Number(number));
    const reaches = async (count) => {
      while (sequences().length < count) await once(response, "data");
    };
    for (let last = 1; last <= 5; last += 1) {
      await publish(server, pair.cert, [nodeCreated()]);
      await reaches(last);
    }
    await publish(server, pair.cert, Array.from({ length: 500 }, () => nodeCreated()));
    await reaches(505);
    assert.deepEqual(sequences(), Array.from({ length: 505 }, (_, i) => i + 1));
    const ended = once(response, "end");
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    await ended; // not an error: the server said goodbye
  });

  it("is read by fetch and by the command line", async (test) => {
    const pair = await certificate(await temporaryFolder(test), "first");
    const server = await start(test, pair);
    const fetched = await run(["-e", `fetch("${server.url}/healthz").then(({ status }) => console.log(status))`], {
      command: process.execPath,
      env: { NODE_EXTRA_CA_CERTS: pair.cert },
    });
    assert.equal(fetched.stdout.trim(), "200", fetched.stderr);
    const env = { BITVAULT_URL: server.url, BITVAULT_KEY: server.key, BITVAULT_TENANT: "acme", BITVAULT_CA_FILE: pair.cert };
    assert.equal((await call(server, pair.cert, "PUT", "/v1/tenants/acme", { body: {} })).status, 201);
    const published = await run(["publish", "--ndjson", "-"], { env, input: JSON.stringify(nodeCreated()) });
    assert.equal(published.code, 0, published.stderr);
    const tail = await run(["tail", "--from", "earliest", "--once", "--json"], { env });
    assert.equal(tail.code, 0, tail.stderr);
    assert.equal(JSON.parse(tail.stdout).type, "bitvault.node.created.v1");
    const followed = await run(["tail", "--from", "earliest", "--limit", "1", "--json"], { env });
    assert.equal(followed.stdout, tail.stdout, followed.stderr);
    const stranger = await run(["tenants", "list"], { env: { ...env, BITVAULT_CA_FILE: "" } });
    assert.notEqual(stranger.code, 0);
    assert.match(stranger.stderr, /--ca-file/);
    await server.stop();
  });

  it("tells a plain client what it speaks", async (test) => {
    const server = await start(test, await certificate(await temporaryFolder(test), "first"));
    const [response] = await once(http.get(server.url.replace("https:", "http:")), "response");
    assert.equal(response.statusCode, 400);
    response.resume();
    await server.stop();
  });

  it("shows a new certificate after SIGHUP, and keeps the old one when the new one is wrong", async (test) => {
    const folder = await temporaryFolder(test);
    const first = await certificate(folder, "first");
    const second = await certificate(folder, "second");
    const used = { cert: join(folder, "used.pem"), key: join(folder, "used.key") };
    const use = async ({ cert, key }) => {
      await copyFile(cert, used.cert);
      await copyFile(key, used.key);
    };
    await use(first);
    const server = await start(test, used);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    test.after(() => agent.destroy());
    await call(server, first.cert, "GET", "/healthz", { agent });
    assert.equal(await shown(server), "first");
    await use(second);
    process.kill(server.pid, "SIGHUP");
    await logged(server, /certificate was read again/);
    assert.equal(await shown(server), "second");
    const kept = await send(server, first.cert, "GET", "/healthz", { agent });
    assert.equal(kept.socket.getPeerCertificate().subject.CN, "first", "the connection from before goes on");
    kept.resume();
    await writeFile(used.key, await readFile(first.key));
    process.kill(server.pid, "SIGHUP");
    await logged(server, /certificate stays as it was: .*used\.key is not that of the certificate/);
    assert.equal(server.log.match(/certificate stays as it was/g).length, 1);
    assert.equal(await shown(server), "second");
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });

  it("refuses to start with half a pair or a wrong one", async (test) => {
    const folder = await temporaryFolder(test);
    const first = await certificate(folder, "first");
    const second = await certificate(folder, "second");
    const cases = [
      [["--tls-cert", first.cert], /go together/],
      [["--tls-key", first.key], /go together/],
      [["--tls-cert", first.cert, "--tls-key", second.key], /second\.key is not that of the certificate .*first\.pem/],
      [["--tls-cert", join(folder, "none.pem"), "--tls-key", first.key], /none\.pem cannot be read: No such file/],
      [["--tls-cert", first.cert, "--tls-key", join(folder, "none.key")], /none\.key cannot be read: No such file/],
      [["--tls-cert", first.key, "--tls-key", first.key], /first\.key is not one in PEM/],
    ];
    for (const [args, pattern] of cases) {
      const end = await run(["serve", "--data", join(folder, "data"), "--listen", "127.0.0.1:0", ...args]);
      assert.equal(end.code, 2, `${args}: ${end.stdout}${end.stderr}`);
      assert.match(end.stderr, pattern);
      assert.equal(end.stderr.trim().split("\n").length, 1, end.stderr);
    }
  });
});
