// `bench` on a real server: what it tells is what happened.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as passed } from "node:timers/promises";
import { before, describe, it } from "node:test";
import { binary, run, Server, shared } from "./lib/server.mjs";

describe("bench", () => {
  let server;
  const all = shared();
  before(async () => (server = await Server.start(all)));

  const environment = (tenant, at = server) => ({ BITVAULT_URL: at.url, BITVAULT_KEY: at.key, BITVAULT_TENANT: tenant });

  // A run in the background, with its end.
  function start(test, tenant, args, at = server) {
    const child = spawn(binary, ["bench", "--yes", "--json", ...args], { env: { ...process.env, ...environment(tenant, at) } });
    test.after(() => child.kill("SIGKILL"));
    const seen = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text) => (seen.out += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (seen.err += text));
    return { child, end: once(child, "close").then(([code]) => ({ code, err: seen.err, told: seen.out && JSON.parse(seen.out) })) };
  }

  // Until the run has published something.
  async function begun(tenant, at = server) {
    while ((await at.feed(tenant, { limit: 1 })).json.events.length === 0);
  }

  it("publishes as many events as it tells, and reads them", async () => {
    await server.tenant("many");
    const env = environment("many");
    const refused = await run(["bench"], { env });
    assert.equal(refused.code, 2);
    assert.equal((await server.all("many")).length, 0);

    const { code, stdout, stderr } = await run(["bench", "--yes", "--duration", "1", "--connections", "4", "--batch", "10", "--json"], { env });
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const told = JSON.parse(stdout);
    const events = await server.all("many");
    assert.ok(told.events > 0);
    assert.equal(told.events, events.length);
    assert.equal(told.requests * 10, told.events);
    assert.equal(told.latency_ms.count, told.requests);
    assert.ok(events.every(({ subject }) => subject.startsWith("/bench/")));

    const feed = await run(["bench", "--mode", "feed", "--duration", "1", "--connections", "2"], { env });
    assert.equal(feed.code, 0, feed.stderr);
    assert.match(feed.stdout, /^feed: .*\n.*p50 +p90 +p99 +p99.9 +max\npages .* ms\nevents /);
    assert.match(feed.stdout, /errors: none/);
  });

  it("keeps its rate, and sees every event on the stream", async () => {
    await server.tenant("seen");
    const { code, stdout, stderr } = await run(["bench", "--yes", "--mode", "latency", "--rate", "100", "--batch", "2", "--duration", "1", "--json"], { env: environment("seen") });
    assert.equal(code, 0, stderr + stdout);
    const told = JSON.parse(stdout);
    assert.equal(told.requests + told.not_sent, 100);
    assert.equal(told.events, 2 * told.requests);
    assert.equal(told.seen.missing, 0);
    assert.equal(told.seen.latency_ms.count, told.events);
    assert.ok(told.seen.latency_ms.max > 0);
  });

  it("counts the wait for a server that stood still", async (test) => {
    await server.tenant("still");
    // 300 requests are due; 70 or more of them while the server stands still, with 2 connections
    const { end } = start(test, "still", ["--rate", "100", "--duration", "3", "--connections", "2"]);
    await begun("still");
    process.kill(server.pid, "SIGSTOP");
    await passed(700);
    process.kill(server.pid, "SIGCONT");
    const { code, told, err } = await end;
    assert.equal(code, 0, err);
    assert.equal(told.requests + told.not_sent, 300);
    assert.ok(told.latency_ms.p90 > 200, JSON.stringify(told));
    assert.ok(told.latency_ms.max >= 600, JSON.stringify(told));
  });

  it("ends with its figures on a signal", async (test) => {
    for (const signal of ["SIGINT", "SIGTERM"]) {
      const tenant = signal.toLowerCase();
      await server.tenant(tenant);
      const { child, end } = start(test, tenant, ["--mode", "latency", "--duration", "1h", "--rate", "50"]);
      await begun(tenant);
      child.kill(signal);
      const { code, told, err } = await end;
      assert.equal(code, 0, err);
      assert.equal(told.interrupted, true);
    }
  });

  it("counts errors by their code", async (test) => {
    const other = await Server.start(test);
    await other.call("PUT", "/v1/tenants/slow", { body: { rate_limit: 5 } });
    const limited = await start(test, "slow", ["--duration", "1", "--rate", "200"], other).end;
    assert.equal(limited.code, 1);
    assert.ok(limited.told.errors.rate_limited > 100, JSON.stringify(limited.told));
    assert.ok(limited.told.requests > 0);

    await other.tenant("gone");
    const { end } = start(test, "gone", ["--mode", "latency", "--duration", "1h", "--rate", "50"], other);
    await begun("gone", other);
    await other.kill();
    const { code, told } = await end;
    assert.equal(code, 1);
    assert.ok(told.requests > 0);
    assert.equal(told.errors.stream_ended, 1);
  });
});
