// What a tenant may ask for in a second, over the real clock.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeCreated, Server } from "./lib/server.mjs";

const put = (server, tenant, rate_limit) => server.call("PUT", `/v1/tenants/${tenant}`, { body: { rate_limit } });

// Asks until it is refused; the refusal.
async function exhaust(server, tenant, most) {
  for (let i = 0; i < most; i += 1) {
    const answer = await server.feed(tenant);
    if (answer.status !== 200) return { refused: answer, passed: i };
  }
  throw new Error(`${most} went through`);
}

describe("rate limits", () => {
  it("let a burst in, refuse what is beyond with Retry-After, and nobody else", async (test) => {
    const server = await Server.start(test);
    await put(server, "acme", 5);
    await server.tenant("other");
    const { refused, passed } = await exhaust(server, "acme", 1000);
    assert.ok(passed >= 50, `a burst of ten seconds: ${passed}`);
    assert.equal(refused.status, 429);
    assert.equal(refused.json.code, "rate_limited");
    const seconds = Number(refused.headers.get("retry-after"));
    assert.equal(seconds, 1);
    assert.equal((await server.feed("other")).status, 200);
    await sleep(seconds * 1000);
    assert.equal((await server.feed("acme")).status, 200);
    await server.stop();
  });

  it("count each published event", async (test) => {
    const server = await Server.start(test);
    await put(server, "acme", 50);
    assert.equal((await server.publish("acme", Array.from({ length: 500 }, () => nodeCreated()))).status, 201);
    const batch = Array.from({ length: 100 }, () => nodeCreated());
    const refused = await server.publish("acme", batch);
    assert.equal(refused.status, 429);
    const seconds = Number(refused.headers.get("retry-after"));
    assert.ok(seconds >= 1 && seconds <= 2, `${seconds}`);
    await sleep(seconds * 1000);
    assert.equal((await server.publish("acme", batch)).status, 201);
    assert.equal((await server.all("acme")).length, 600, "what was refused was not published");
    await server.stop();
  });

  it("follow a change of the setting within five seconds, and the operator may always change it", async (test) => {
    const server = await Server.start(test);
    await put(server, "acme", 1);
    await exhaust(server, "acme", 1000);
    assert.equal((await put(server, "acme", null)).status, 200);
    const began = performance.now();
    let answer = await server.feed("acme");
    while (answer.status === 429 && performance.now() - began < 6_000) {
      await sleep(50);
      answer = await server.feed("acme");
    }
    assert.equal(answer.status, 200);
    await server.stop();
  });

  it("have defaults for tenants without their own", async (test) => {
    const server = await Server.start(test, { args: ["--rate-limit-requests", "1", "--rate-limit-events", "2"] });
    await server.tenant("acme");
    await put(server, "generous", 1000);
    const { refused } = await exhaust(server, "acme", 1000);
    assert.equal(refused.status, 429);
    for (let i = 0; i < 30; i += 1) assert.equal((await server.feed("generous")).status, 200);
    await server.stop();
  });
});
