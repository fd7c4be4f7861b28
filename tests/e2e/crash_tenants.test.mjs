// Tenants and keys are made and ended while the server is killed. Whatever was answered holds; what
// was not has happened, or has not.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Dice, seed } from "./lib/dice.mjs";
import { killedAt, nodeCreated, Server } from "./lib/server.mjs";

const rounds = Number(process.env.BITVAULT_KILL_ROUNDS ?? 3);
const clients = 4;
const large = 11_000; // events of a tenant whose deletion takes three steps

// What one client knows of its tenant, which nobody else uses. `asked` is the request whose answer is still to come.
class Client {
  constructor(name, dice) {
    Object.assign(this, { name, dice, state: "none", epoch: undefined, head: 0, keys: new Map(), ended: [], asked: undefined });
  }

  path(rest = "") {
    return `/v1/tenants/${this.name}${rest}`;
  }

  // One request, chosen by the state. It throws when the server dies.
  async step(server) {
    if (this.state === "none") return this.create(server);
    if (this.state === "deleting") return this.create(server);
    const choice = this.dice.below(10);
    if (choice < 3) return this.createKey(server);
    if (choice < 5 && this.keys.size > 0) return this.revokeKey(server);
    if (choice < 9) return this.publish(server);
    return this.delete(server);
  }

  async ask(server, what, method, path, options) {
    this.asked = what;
    const answer = await server.call(method, path, options);
    this.asked = undefined;
    return answer;
  }

  async create(server) {
    const answer = await this.ask(server, { create: true }, "PUT", this.path(), { body: {} });
    if (answer.status === 409) {
      assert.equal(this.state, "deleting", answer.text);
      assert.equal(answer.json.code, "tenant_deleting");
      return;
    }
    assert.equal(answer.status, 201, answer.text);
    this.begin(answer.json);
  }

  begin({ epoch, head }) {
    assert.notEqual(epoch, this.epoch, "a history of its own");
    assert.equal(head, 0);
    Object.assign(this, { state: "active", epoch, head: 0, keys: new Map() });
  }

  async createKey(server) {
    const answer = await this.ask(server, { createKey: true }, "POST", this.path("/keys"), { body: { name: "k", scopes: ["events:read"] } });
    assert.equal(answer.status, 201, answer.text);
    this.keys.set(answer.json.id, answer.json.key);
  }

  async revokeKey(server) {
    const id = [...this.keys.keys()][this.dice.below(this.keys.size)];
    const answer = await this.ask(server, { revoke: id }, "DELETE", this.path(`/keys/${id}`));
    assert.equal(answer.status, 204, answer.text);
    this.end(id);
  }

  end(id) {
    this.ended.push(this.keys.get(id));
    this.keys.delete(id);
  }

  async publish(server) {
    const count = 1 + this.dice.below(200);
    const events = Array.from({ length: count }, (_, i) => nodeCreated({ id: `e-${this.head + i + 1}` }));
    this.asked = { publish: count };
    const answer = await server.publish(this.name, events);
    this.asked = undefined;
    assert.equal(answer.status, 201, answer.text);
    assert.ok(answer.json.events.every(({ duplicate, sequence }, i) => !duplicate && sequence === this.head + i + 1), "nothing of a former tenant is left");
    this.head += count;
  }

  async delete(server) {
    const answer = await this.ask(server, { delete: true }, "DELETE", this.path());
    assert.equal(answer.status, 202, answer.text);
    this.noteDeleted();
  }

  noteDeleted() {
    for (const id of [...this.keys.keys()]) this.end(id);
    this.state = "deleting";
  }

  // Compares the server with what is known, and learns what became of the request without an answer.
  async verify(server, listed) {
    const { asked } = this;
    this.asked = undefined;
    const shown = await server.call("GET", this.path());
    const code = shown.json.code ?? "active";
    const where = `${this.name}: ${this.state}, ${JSON.stringify(asked)}, then ${code}`;
    // a deletion goes on meanwhile
    const was = { active: ["active"], tenant_deleting: ["deleting"], not_found: ["deleting", undefined] };
    assert.ok(was[code].includes(listed.get(this.name)), `${where}, ${listed.get(this.name)} in the list`);
    if (this.state !== "active") {
      const may = this.state === "none" ? ["not_found"] : ["tenant_deleting", "not_found"];
      assert.ok(may.includes(code) || (asked?.create && code === "active"), where);
      if (code === "active") this.begin(shown.json);
      else if (code === "not_found") this.state = "none";
    } else if (asked?.delete && code !== "active") {
      this.noteDeleted();
      if (code === "not_found") this.state = "none";
    } else {
      assert.equal(code, "active", where);
      assert.equal(shown.json.epoch, this.epoch, where);
    }
    if (this.state === "active") await this.verifyActive(server, shown.json, asked, where);
    for (const token of this.ended.slice(-20)) {
      assert.equal((await server.feed(this.name, { limit: 1 }, { key: token })).status, 401, `${where}: an ended key is none`);
    }
  }

  async verifyActive(server, { head, floor }, asked, where) {
    assert.ok(head === this.head || head === this.head + asked?.publish, `${where}: ${head} events instead of ${this.head}`);
    this.head = head;
    assert.equal(floor, 1);
    const events = await server.all(this.name);
    assert.deepEqual(events.map(({ id }) => id), Array.from({ length: head }, (_, i) => `e-${i + 1}`), where);
    events.forEach((event, i) => {
      assert.equal(Number(event.sequence), i + 1);
      assert.equal(event.epoch, this.epoch);
    });
    const ids = new Set((await server.call("GET", this.path("/keys?limit=1000"))).json.items.map(({ id }) => id));
    for (const id of this.keys.keys()) {
      if (!ids.has(id)) {
        assert.equal(id, asked?.revoke, `${where}: ${id} is lost`);
        this.end(id);
      }
    }
    const unknown = [...ids].filter((id) => !this.keys.has(id));
    assert.ok(unknown.length === 0 || (unknown.length === 1 && asked?.createKey), `${where}: ${unknown} come from nowhere`);
    for (const id of unknown) assert.equal((await server.call("DELETE", this.path(`/keys/${id}`))).status, 204, "a key that nobody was shown can be revoked");
    for (const token of this.keys.values()) assert.equal((await server.feed(this.name, { limit: 1 }, { key: token })).status, 200, where);
  }
}

describe("kill -9 while tenants and keys come and go", () => {
  it(`is before or after each request, never half, in ${rounds} rounds (BITVAULT_SEED=${seed})`, async (test) => {
    const dice = new Dice();
    const all = Array.from({ length: clients }, (_, i) => new Client(`t-${i}`, dice));
    let server = await Server.start(test);
    for (let round = 0; round < rounds; round += 1) {
      let answers = 0;
      const last = 20 + dice.below(200);
      const running = server;
      const work = async (client) => {
        while (running.child.exitCode === null && running.child.signalCode === null) {
          try {
            await client.step(running);
          } catch (error) {
            if (error instanceof assert.AssertionError) throw error;
            return; // the connection died with the server
          }
          answers += 1;
          if (answers === last) await running.kill();
        }
      };
      await Promise.all(all.map(work));
      server = await Server.start(test, { data: server.data });
      const { json } = await server.call("GET", "/v1/tenants?limit=1000");
      const listed = new Map(json.items.map(({ name, state }) => [name, state]));
      for (const client of all) await client.verify(server, listed);
    }
    await server.stop();
  });

  it(`goes on with a deletion that was killed (BITVAULT_SEED=${seed})`, async (test) => {
    const dice = new Dice();
    let server = await Server.start(test);
    const { data } = server;
    await server.tenant("stays");
    await server.publish("stays", [nodeCreated(), nodeCreated()]);
    const stays = (await server.feed("stays")).text;
    const { json: { epoch } } = await server.tenant("goes");
    for (let head = 0; head < large; head += 1_000) {
      assert.equal((await server.publish("goes", Array.from({ length: 1_000 }, (_, i) => nodeCreated({ id: `e-${head + i}` })))).status, 201);
    }
    const { json: key } = await server.call("POST", "/v1/tenants/goes/keys", { body: { name: "k", scopes: ["events:read"] } });
    assert.equal((await server.call("DELETE", "/v1/tenants/goes")).status, 202);
    await server.kill();

    // Killed at a write, each time a later one: a step that did not end begins again.
    let deaths = 0;
    let made = false; // 201, or 200 when a server died before it could say so
    for (let reach = 500; !made; reach *= 2) {
      const wrapper = killedAt("pwrite64", 1 + dice.below(reach));
      try {
        server = await Server.start(test, { data, wrapper });
        do {
          const { status, json, text } = await server.tenant("goes");
          made = status === 201 || status === 200;
          assert.ok(made || json.code === "tenant_deleting", text);
        } while (!made);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        deaths += 1; // in the start, or between two requests
      }
      await server.kill();
    }
    assert.ok(deaths > 0);

    server = await Server.start(test, { data });
    const { json: tenant } = await server.call("GET", "/v1/tenants/goes");
    assert.notEqual(tenant.epoch, epoch);
    assert.equal(tenant.head, 0);
    assert.deepEqual((await server.call("GET", "/v1/tenants/goes/keys")).json.items, []);
    assert.equal((await server.feed("goes", {}, { key: key.key })).status, 401);
    const { json: { events } } = await server.publish("goes", [nodeCreated({ id: "e-0" }), nodeCreated({ id: `e-${large - 1}` })]);
    assert.deepEqual(events.map(({ sequence, duplicate }) => [sequence, duplicate]), [[1, false], [2, false]]);
    assert.equal((await server.feed("stays")).text, stays);
    await server.stop();
  });
});
