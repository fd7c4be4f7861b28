import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { nodeCreated, Server, shared } from "./lib/server.mjs";

describe("tenants and keys", () => {
  let server;
  const key = async (tenant, scopes, more = {}) => {
    const made = await server.call("POST", `/v1/tenants/${tenant}/keys`, { body: { name: "test", scopes, ...more } });
    assert.equal(made.status, 201, made.text);
    return made.json;
  };
  const all = shared();
  before(async () => {
    server = await Server.start(all);
    await server.tenant("acme");
    await server.tenant("other");
  });

  it("creates, changes, lists and shows tenants", async () => {
    const made = await server.call("PUT", "/v1/tenants/new", { body: { display_name: "New", retention: { max_events: 10 } } });
    assert.equal(made.status, 201);
    assert.match(made.json.epoch, /^[a-z0-9]{12}$/);
    const changed = await server.call("PUT", "/v1/tenants/new", { body: { operational_events: true } });
    assert.equal(changed.status, 200);
    assert.equal(changed.json.display_name, "New");
    assert.equal(changed.json.retention.max_events, 10);
    assert.equal(changed.json.epoch, made.json.epoch);
    const first = await server.call("GET", "/v1/tenants?limit=2");
    const second = await server.call("GET", `/v1/tenants?limit=2&page=${first.json.next_page}`);
    assert.deepEqual([...first.json.items, ...second.json.items].map((t) => t.name), ["acme", "new", "other"]);
    assert.equal(second.json.next_page, null);
  });

  it("refuses wrong tenants and settings", async () => {
    for (const name of ["UPPER", "-x", "a_b", "x".repeat(64)]) {
      assert.equal((await server.call("PUT", `/v1/tenants/${name}`, { body: {} })).json.code, "invalid", name);
    }
    for (const body of [{ nonsense: 1 }, { retention: 5 }, { retention: { days: 1 } }, { retention: { max_events: -1 } }, { display_name: 5 }]) {
      assert.equal((await server.call("PUT", "/v1/tenants/acme", { body })).json.code, "invalid", JSON.stringify(body));
    }
    assert.equal((await server.call("PUT", "/v1/tenants/acme", { body: "[1]" })).status, 400);
    assert.equal((await server.call("DELETE", "/v1/tenants/nobody")).status, 404);
  });

  it("needs a key", async () => {
    for (const wrong of [null, "x", "bvk_acme_abc_def", "bvk_operator_" + "a".repeat(43)]) {
      const answer = await server.feed("acme", {}, { key: wrong });
      assert.equal(answer.status, 401);
      assert.equal(answer.json.code, "unauthenticated");
    }
    assert.equal((await server.call("GET", "/healthz", { key: null })).status, 200);
    assert.equal((await server.call("GET", "/readyz", { key: null })).status, 200);
    assert.equal((await server.call("GET", "/metrics", { key: null })).status, 200, "from loopback");
  });

  it("keeps a key to its tenant and its scopes", async () => {
    const reader = (await key("acme", ["events:read"])).key;
    assert.match(reader, /^bvk_/);
    assert.equal((await server.feed("acme", {}, { key: reader })).status, 200);
    const refused = [
      await server.publish("acme", nodeCreated(), { key: reader }),
      await server.feed("other", {}, { key: reader }),
      await server.feed("nobody", {}, { key: reader }),
      await server.call("GET", "/v1/tenants", { key: reader }),
      await server.call("PUT", "/v1/tenants/acme", { body: {}, key: reader }),
      await server.call("DELETE", "/v1/tenants/acme", { key: reader }),
      await server.call("GET", "/v1/tenants/acme/keys", { key: reader }),
      await server.call("GET", "/v1/tenants/acme/events/none", { key: (await key("other", ["events:read"])).key }),
    ];
    for (const answer of refused) {
      assert.equal(answer.status, 403, answer.text);
      assert.equal(answer.json.code, "forbidden");
    }
    // the same whether or not the tenant exists
    const same = ({ json }) => ({ ...json, request_id: "" });
    assert.deepEqual(same(refused[1]), same(refused[2]));
  });

  it("grants no scope that the granter lacks", async () => {
    const admin = (await key("acme", ["admin", "events:read"])).key;
    const grant = (scopes) => server.call("POST", "/v1/tenants/acme/keys", { key: admin, body: { name: "x", scopes } });
    assert.equal((await grant(["events:read"])).status, 201);
    assert.equal((await grant(["events:write"])).status, 403);
    for (const scopes of [["operator"], [], "events:read", ["nonsense"], [1]]) assert.equal((await grant(scopes)).json.code, "invalid");
  });

  it("shows a key once and stores only its hash", async () => {
    const made = await key("acme", ["events:read"]);
    const { text } = await server.call("GET", "/v1/tenants/acme/keys");
    assert.ok(text.includes(made.id));
    assert.ok(!text.includes(made.key));
    assert.ok(!text.includes("hash"));
    const { readFile, readdir } = await import("node:fs/promises");
    for (const file of await readdir(server.data)) {
      const bytes = await readFile(`${server.data}/${file}`);
      assert.ok(!bytes.includes(made.key), file);
      assert.ok(file === "operator.key" || !bytes.includes(server.key), file);
    }
    assert.ok(!server.log.includes(server.key) && !server.log.includes(made.key));
  });

  it("ends a revoked key at once, its long polls too", async () => {
    const made = await key("acme", ["events:read"]);
    const { json: { next_cursor: cursor } } = await server.feed("acme", { limit: 1000 }, { key: made.key });
    const waiting = server.feed("acme", { cursor, wait: 30 }, { key: made.key });
    assert.equal((await server.call("DELETE", `/v1/tenants/acme/keys/${made.id}`)).status, 204);
    assert.equal((await server.feed("acme", {}, { key: made.key })).status, 401);
    await server.publish("acme", nodeCreated());
    assert.equal((await waiting).status, 401);
    assert.equal((await server.call("DELETE", `/v1/tenants/acme/keys/${made.id}`)).status, 404);
  });

  it("ends a key when it expires", async () => {
    const expires = new Date(Date.now() + 1_000).toISOString();
    const made = await key("acme", ["events:read"], { expires_at: expires });
    let answer;
    do {
      answer = await server.feed("acme", { limit: 1 }, { key: made.key });
    } while (answer.status === 200 && Date.now() < Date.parse(expires) + 5_000);
    assert.equal(answer.status, 401);
    assert.ok(Date.now() >= Date.parse(expires));
  });

  it("deletes a tenant whole", async () => {
    await server.tenant("gone");
    const reader = (await key("gone", ["events:read"])).key;
    await server.publish("gone", Array.from({ length: 100 }, () => nodeCreated({})));
    assert.equal((await server.call("DELETE", "/v1/tenants/gone")).status, 202);
    let again;
    do {
      again = await server.tenant("gone");
      assert.ok(again.status === 201 || again.json.code === "tenant_deleting", again.text);
    } while (again.status !== 201);
    assert.deepEqual(await server.all("gone"), []);
    assert.equal(again.json.head, 0);
    const deadline = Date.now() + 6_000;
    let old;
    do {
      old = await server.feed("gone", {}, { key: reader });
    } while (old.status === 200 && Date.now() < deadline);
    assert.equal(old.status, 401);
  });

  it("answers unknown routes and methods as the contract says", async () => {
    assert.equal((await server.call("GET", "/v2/nothing")).json.code, "not_found");
    const wrong = await server.call("PATCH", "/v1/tenants/acme/events");
    assert.equal(wrong.status, 405);
    assert.equal(wrong.json.code, "method_not_allowed");
    assert.deepEqual(wrong.headers.get("allow").split(", ").sort(), ["GET", "HEAD", "POST"]);
    assert.ok(wrong.headers.get("x-request-id"));
  });

  it("names no tenant in its metrics", async () => {
    const { text } = await server.call("GET", "/metrics");
    assert.match(text, /bitvault_events_published_total \d+/);
    assert.ok(!/\b(acme|other|gone)\b/.test(text));
  });
});
