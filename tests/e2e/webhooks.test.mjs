// Webhooks end to end: the real server, real receivers, and the libraries that receivers use.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Webhook } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import { eventually, Receiver } from "./lib/receiver.mjs";
import { binary, nodeCreated, run, Server, temporaryFolder } from "./lib/server.mjs";

const args = ["--allow-private-targets"];
const events = (first, count) => Array.from({ length: count }, (_, i) => nodeCreated({ id: `e-${first + i}`, path: `/d/${first + i}` }));

async function start(test, options = {}) {
  const server = await Server.start(test, { args, ...options });
  if (!options.data) await server.tenant("acme");
  return server;
}

async function add(server, receiver, settings = {}) {
  const made = await server.call("POST", "/v1/tenants/acme/webhooks", { body: { url: receiver.url, ...settings } });
  assert.equal(made.status, 201, made.text);
  return made.json;
}

const hook = (webhook, rest = "") => `/v1/tenants/acme/webhooks/${webhook.id}${rest}`;

async function ok(answer, status = 200) {
  const got = await answer;
  assert.equal(got.status, status, got.text);
  return got.json;
}

describe("webhooks", () => {
  it("bring each event's exact bytes, signed for the libraries of receivers", async (test) => {
    const server = await start(test);
    const receiver = await Receiver.start(test);
    const webhook = await add(server, receiver);
    await ok(server.publish("acme", events(1, 200)), 201);
    await receiver.until(() => receiver.accepted.length >= 200);
    const journal = new Map((await server.all("acme")).map((event) => [event.id, event]));
    const standard = new Webhook(webhook.secret);
    const svix = new Svix(webhook.secret);
    let previous = 0;
    for (const { headers, body } of receiver.deliveries.sort((a, b) => a.headers["bitvault-sequence"] - b.headers["bitvault-sequence"])) {
      const text = body.toString();
      standard.verify(text, headers);
      svix.verify(text, headers);
      const exact = await server.call("GET", `/v1/tenants/acme/events/${headers["webhook-id"]}`);
      assert.equal(text, exact.text);
      const event = journal.get(headers["webhook-id"]);
      assert.equal(headers["content-type"], "application/cloudevents+json");
      assert.equal(headers["bitvault-epoch"], event.epoch);
      assert.equal(BigInt(headers["bitvault-sequence"]), BigInt(event.sequence));
      assert.equal(Number(headers["bitvault-previous-sequence"]), previous);
      assert.equal(headers["bitvault-attempt"], "1");
      assert.match(headers["user-agent"], /^BitVault-Events\//);
      previous = Number(event.sequence);
    }
    assert.equal(receiver.deliveries.length, 200);
  });

  it("retry what fails with the same id, and show each attempt", async (test) => {
    const server = await start(test);
    const receiver = await Receiver.start(test, (_, number) => (number < 3 ? { status: 503, body: "busy" } : 200));
    const webhook = await add(server, receiver, { retry_schedule_seconds: [0, 1, 1] });
    await ok(server.publish("acme", events(1, 1)), 201);
    await receiver.until(() => receiver.accepted.length === 1);
    assert.deepEqual(receiver.deliveries.map(({ headers }) => headers["webhook-id"]), ["e-1", "e-1", "e-1"]);
    assert.deepEqual(receiver.deliveries.map(({ headers }) => headers["bitvault-attempt"]), ["1", "2", "3"]);
    const [first, second, third] = receiver.deliveries;
    assert.ok(second.at - first.at >= 790 && third.at - second.at >= 790, "each a second, less 20 %");
    for (const { headers, body } of receiver.deliveries) new Webhook(webhook.secret).verify(body.toString(), headers);
    const { items } = await eventually(async () => {
      const list = await ok(server.call("GET", hook(webhook, "/deliveries")));
      return list.items.length === 3 && list;
    });
    assert.equal(items.filter(({ status }) => status === "delivered").length, 1);
    const failed = await ok(server.call("GET", hook(webhook, "/deliveries?status=failed&event_id=e-1")));
    assert.equal(failed.items.length, 2);
  });

  it("are counted in the metrics, without a name", async (test) => {
    const server = await start(test);
    const receiver = await Receiver.start(test, ({ headers }) => (headers["webhook-id"] === "e-2" ? 503 : 200));
    const webhook = await add(server, receiver, { retry_schedule_seconds: [0, 3600] });
    await ok(server.publish("acme", events(1, 5)), 201);
    await receiver.until(() => receiver.accepted.length === 4);
    const text = await eventually(async () => {
      const metrics = (await server.call("GET", "/metrics")).text;
      return /^bitvault_delivery_retries_waiting 1$/m.test(metrics) && metrics;
    });
    for (const line of [
      'bitvault_delivery_attempts_total{outcome="delivered"} 4',
      'bitvault_delivery_attempts_total{outcome="failed"} 1',
      "bitvault_delivery_latency_seconds_count 5",
      'bitvault_delivery_subscriptions{state="enabled"} 1',
      'bitvault_delivery_lag_events{quantile="1"} 1',
    ]) {
      assert.ok(text.includes(`\n${line}\n`), `${line} is in:\n${text}`);
    }
    assert.ok(!text.includes(webhook.id) && !text.includes("acme"));
  });

  it("keep what was given up as dead letters, to be sent again or let go", async (test) => {
    const server = await start(test);
    let status = 500;
    const receiver = await Receiver.start(test, () => ({ status, body: "no" }));
    const webhook = await add(server, receiver, { retry_schedule_seconds: [0, 1] });
    await ok(server.publish("acme", events(1, 3)), 201);
    const letters = () => ok(server.call("GET", hook(webhook, "/dead-letters")));
    const { items } = await eventually(async () => {
      const list = await letters();
      return list.items.length === 3 && list;
    });
    assert.deepEqual(items.map(({ event_id }) => event_id).sort(), ["e-1", "e-2", "e-3"]);
    status = 200;
    await ok(server.call("POST", hook(webhook, "/dead-letters/discard"), { body: { event_ids: ["e-1"] } }), 202);
    await ok(server.call("POST", hook(webhook, "/dead-letters/redeliver"), { body: { all: true } }), 202);
    await receiver.until(() => receiver.ids().size === 2);
    assert.deepEqual([...receiver.ids()].sort(), ["e-2", "e-3"]);
    await eventually(async () => (await letters()).items.length === 0);
  });

  it("are disabled by 410, lose nothing meanwhile, and catch up", async (test) => {
    const server = await start(test);
    let status = 410;
    const receiver = await Receiver.start(test, () => status);
    const webhook = await add(server, receiver);
    await ok(server.publish("acme", events(1, 1)), 201);
    await eventually(async () => (await ok(server.call("GET", hook(webhook)))).enabled === false);
    const shown = await ok(server.call("GET", hook(webhook)));
    assert.match(shown.disabled_reason, /410/);
    await ok(server.publish("acme", events(2, 5)), 201);
    status = 200;
    await ok(server.call("POST", hook(webhook, "/enable"), { body: { resume: "catch_up" } }));
    await receiver.until(() => receiver.ids().size === 6);
  });

  it("skip what came while they were disabled when asked to", async (test) => {
    const server = await start(test);
    const receiver = await Receiver.start(test);
    const webhook = await add(server, receiver);
    await ok(server.call("POST", hook(webhook, "/disable")));
    await ok(server.publish("acme", events(1, 5)), 201);
    await ok(server.call("POST", hook(webhook, "/enable"), { body: { resume: "skip" } }));
    await ok(server.publish("acme", events(6, 1)), 201);
    await receiver.until(() => receiver.ids().has("e-6"));
    assert.equal(receiver.deliveries.length, 1);
    assert.equal(receiver.deliveries[0].headers["bitvault-previous-sequence"], "0");
  });

  it("filter by types and pattern, and keep the order of a partition key", async (test) => {
    const server = await start(test);
    const order = await Receiver.start(test, (_, number) => (number === 1 ? 500 : 200));
    const none = await Receiver.start(test);
    await add(server, order, { ordering: "partitionkey", retry_schedule_seconds: [0, 1], pattern: { partitionkey: ["k-1"] }, types: ["bitvault.node.*"] });
    await add(server, none, { types: ["bitvault.share.*"] });
    const keyed = events(1, 10).map((event, i) => ({ ...event, partitionkey: `k-${i % 2}` }));
    await ok(server.publish("acme", keyed), 201);
    await order.until(() => order.accepted.length === 5);
    const wanted = keyed.filter(({ partitionkey }) => partitionkey === "k-1").map(({ id }) => id);
    assert.deepEqual(order.accepted.map(({ headers }) => headers["webhook-id"]), wanted);
    assert.equal(order.deliveries[1].headers["webhook-id"], wanted[0], "nothing overtakes the first");
    assert.equal(none.deliveries.length, 0);
  });

  it("sign with both secrets while a rotation overlaps", async (test) => {
    const server = await start(test);
    const receiver = await Receiver.start(test);
    const webhook = await add(server, receiver);
    const rotated = await ok(server.call("POST", hook(webhook, "/secret/rotate"), { body: { overlap_seconds: 3600 } }));
    assert.notEqual(rotated.secret, webhook.secret);
    await ok(server.publish("acme", events(1, 1)), 201);
    await receiver.until(() => receiver.accepted.length === 1);
    const [{ headers, body }] = receiver.deliveries;
    assert.equal(headers["webhook-signature"].split(" ").length, 2);
    new Webhook(webhook.secret).verify(body.toString(), headers);
    new Webhook(rotated.secret).verify(body.toString(), headers);
    assert.equal(JSON.stringify(await ok(server.call("GET", hook(webhook)))).includes("whsec_"), false);
  });

  it("replay a range, and say how far that is", async (test) => {
    const server = await start(test);
    const receiver = await Receiver.start(test);
    const webhook = await add(server, receiver);
    const { cursor } = await ok(server.call("GET", "/v1/tenants/acme/cursor?at=earliest"));
    await ok(server.publish("acme", events(1, 50)), 201);
    await receiver.until(() => receiver.accepted.length === 50);
    const replay = await ok(server.call("POST", hook(webhook, "/replay"), { body: { since: cursor, only: "all" } }), 202);
    await receiver.until(() => receiver.accepted.length === 100);
    const again = receiver.deliveries.slice(50);
    assert.ok(again.every(({ headers }) => headers["bitvault-replay"] === replay.id));
    assert.equal(receiver.ids(again).size, 50);
    const done = await eventually(async () => {
      const shown = await ok(server.call("GET", hook(webhook, `/replays/${replay.id}`)));
      return shown.state === "done" && shown;
    });
    assert.equal(done.delivered, 50);
  });

  it("can be tested at once", async (test) => {
    const server = await start(test);
    const receiver = await Receiver.start(test, () => 204);
    const webhook = await add(server, receiver);
    const attempt = await ok(server.call("POST", hook(webhook, "/test")));
    assert.equal(receiver.deliveries.length, 1);
    const [{ headers, body }] = receiver.deliveries;
    new Webhook(webhook.secret).verify(body.toString(), headers);
    assert.equal(JSON.parse(body).type, "bitvault.webhook.test.v1");
    assert.equal(attempt.status_code, 204, JSON.stringify(attempt));
    assert.equal((await server.all("acme")).length, 0, "it is in no journal");
  });

  it("tell of themselves in the journal, where the tenant wants it, without a loop", async (test) => {
    const server = await start(test);
    await ok(server.call("PUT", "/v1/tenants/acme", { body: { operational_events: true } }));
    const receiver = await Receiver.start(test, ({ body }) => (body.includes("node.created") ? 500 : 200));
    await add(server, receiver, { retry_schedule_seconds: [0] });
    await ok(server.publish("acme", events(1, 1)), 201);
    const types = () => server.all("acme").then((all) => all.map(({ type }) => type));
    await eventually(async () => (await types()).includes("bitvault.webhook.dead_lettered.v1"));
    assert.deepEqual(await types(), ["bitvault.webhook.created.v1", "bitvault.node.created.v1", "bitvault.webhook.dead_lettered.v1"]);
    assert.equal(receiver.deliveries.length, 1, "nothing about itself");
  });

  it("refuse targets that are not public, unless the operator opens them", async (test) => {
    const server = await Server.start(test);
    await server.tenant("acme");
    for (const url of ["http://127.0.0.1:9/", "https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/latest/meta-data", "https://[::1]/", "https://0x7f.1/", "https://user:pass@example.com/", "ftp://example.com/", "https://10.0.0.1/"]) {
      const refused = await server.call("POST", "/v1/tenants/acme/webhooks", { body: { url } });
      assert.equal(refused.status, 422, `${url}: ${refused.text}`);
      assert.ok(refused.text.includes("url"), refused.text);
    }
    assert.deepEqual((await ok(server.call("GET", "/v1/tenants/acme/webhooks"))).items, []);
  });

  it("lose nothing over kill -9", async (test) => {
    const data = join(await temporaryFolder(test), "data");
    let server = await Server.start(test, { args, data });
    await server.tenant("acme");
    const receiver = await Receiver.start(test, (_, number) => (number % 7 === 0 ? 500 : 200));
    const ordered = await Receiver.start(test, (_, number) => (number % 5 === 0 ? 500 : 200));
    await add(server, receiver, { retry_schedule_seconds: [0, 1, 1, 1, 1] });
    await add(server, ordered, { ordering: "partitionkey", retry_schedule_seconds: [0, 1, 1, 1, 1] });
    const rounds = 6;
    for (let round = 0; round < rounds; ++round) {
      await ok(server.publish("acme", events(1 + round * 50, 50)), 201);
      const some = 10 + round * 7;
      const before = receiver.deliveries.length;
      await receiver.until(() => receiver.deliveries.length >= before + some);
      await server.kill();
      server = await Server.start(test, { args, data });
    }
    await receiver.until(() => receiver.ids().size === rounds * 50, 60_000);
    await ordered.until(() => ordered.ids().size === rounds * 50, 60_000);
  });
});

describe("webhooks on the command line", () => {
  it("are added, tried, watched and mended", async (test) => {
    const server = await start(test);
    let status = 500;
    const receiver = await Receiver.start(test, () => status);
    const env = { BITVAULT_URL: server.url, BITVAULT_KEY: server.key, BITVAULT_TENANT: "acme" };
    const cli = async (code, ...words) => {
      const done = await run(["webhooks", ...words], { env });
      assert.equal(done.code, code, done.stderr + done.stdout);
      return done;
    };
    const added = await cli(0, "add", receiver.url, "--type", "bitvault.node.*", "--retry-schedule", "0,1", "--header", "X-Team: files", "--description", "demo");
    assert.match(added.stdout, /^whsec_/);
    const id = added.stderr.match(/whk_\w+/)[0];
    assert.match((await cli(0, "list")).stdout, new RegExp(`${id} +enabled +${receiver.url} +bitvault\\.node\\.\\* +demo`));
    await cli(1, "test", id);
    await ok(server.publish("acme", events(1, 2)), 201);
    await eventually(async () => (await cli(0, "dead-letters", id)).stdout.split("\n").length >= 4);
    assert.equal(receiver.deliveries[0].headers["x-team"], "files");
    assert.match((await cli(0, "deliveries", id, "--failed", "--event", "e-1")).stdout, /e-1 +2 +failed +500/);
    status = 200;
    await cli(0, "test", id);
    await cli(2, "redeliver", id);
    await cli(0, "redeliver", id, "--all-dead");
    await receiver.until(() => receiver.ids().size >= 3); // and the test
    const replay = JSON.parse((await cli(0, "replay", id, "--since", "2026-01-01T00:00:00Z", "--wait", "--json")).stdout);
    assert.equal(replay.state, "done");
    assert.equal(replay.delivered, 2);
    assert.match((await cli(0, "rotate", id, "--overlap", "60")).stdout, /^whsec_/);
    assert.match((await cli(0, "update", id, "--concurrency", "3")).stdout, /concurrency: +3/);
    await cli(0, "disable", id);
    await cli(0, "enable", id, "--skip");
    await cli(0, "rm", id);
    await cli(1, "show", id);
    await cli(1, "add", "https://127.0.0.1/", "--pattern", '{"type":[]}');
    await cli(2, "add", receiver.url, "--pattern", "{");
  });

  it("arrive at listen, which verifies them", async (test) => {
    const server = await start(test);
    const child = spawn(binary, ["listen", "--listen", "127.0.0.1:0", "--json", "--count", "3"], { env: { ...process.env, BITVAULT_WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" } });
    test.after(() => child.kill("SIGKILL"));
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
    const url = await new Promise((found) => child.stderr.setEncoding("utf8").on("data", (text) => text.includes("http://") && found(text.match(/http:\/\/\S+/)[0])));
    await add(server, { url: `${url}/hook` }, { secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" });
    await ok(server.publish("acme", events(1, 3)), 201);
    const [code] = await once(child, "close");
    assert.equal(code, 0);
    const lines = out.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ verified, webhook_id }) => [verified, webhook_id]).sort(), [[true, "e-1"], [true, "e-2"], [true, "e-3"]]);
    const forged = await run(["listen", "--secret", "whsec_x"]);
    assert.equal(forged.code, 2);
  });
});
