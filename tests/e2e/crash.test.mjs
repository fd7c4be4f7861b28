// Invariants 1 to 4 with real processes: whatever was acknowledged survives kill -9, in order,
// without gaps, byte for byte, and nothing else appears.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nodeCreated, Server } from "./lib/server.mjs";

const rounds = Number(process.env.BITVAULT_KILL_ROUNDS ?? 3);

describe("kill -9 under load", () => {
  it(`loses and invents nothing in ${rounds} rounds`, async (test) => {
    const acknowledged = new Map(); // id -> sequence
    const submitted = new Set();
    const seen = new Map(); // sequence -> the event's text, as a reader saw it once
    let server = await Server.start(test);
    await server.tenant("acme");
    let serial = 0;

    for (let round = 0; round < rounds; round += 1) {
      let running = true;
      const writer = async () => {
        while (running) {
          const events = Array.from({ length: 1 + (serial % 7) }, () => nodeCreated({ id: `k-${(serial += 1)}` }));
          for (const { id } of events) submitted.add(id);
          try {
            const answer = await server.publish("acme", events);
            if (answer.status === 201) for (const e of answer.json.events) acknowledged.set(e.id, e.sequence);
          } catch {
            return; // the connection died with the server
          }
        }
      };
      const reader = async () => {
        for (let cursor; running; ) {
          try {
            const { json } = await server.feed("acme", { limit: 500, wait: 1, ...(cursor ? { cursor } : {}) });
            for (const event of json.events) seen.set(event.sequence, JSON.stringify(event));
            cursor = json.next_cursor;
          } catch {
            return;
          }
        }
      };
      const load = [...Array.from({ length: 8 }, () => writer()), reader()];
      const enough = acknowledged.size + 300 + 200 * round;
      while (acknowledged.size < enough) await new Promise(setImmediate);
      await server.kill();
      running = false;
      await Promise.all(load);
      server = await Server.start(test, { data: server.data });

      const events = await server.all("acme");
      events.forEach((event, i) => assert.equal(Number(event.sequence), i + 1, "gap-free and in order"));
      const bySequence = new Map(events.map((event) => [event.sequence, event]));
      for (const [id, sequence] of acknowledged) {
        assert.equal(bySequence.get(String(sequence).padStart(20, "0"))?.id, id, `acknowledged ${id} survives`);
      }
      for (const [sequence, text] of seen) assert.equal(JSON.stringify(bySequence.get(sequence)), text, "the same bytes for ever");
      for (const event of events) assert.ok(submitted.has(event.id), `no phantom ${event.id}`);
      assert.equal(new Set(events.map((event) => event.id)).size, events.length, "no id twice");
      events.reduce((before, event) => (assert.ok(event.recordedtime >= before), event.recordedtime), "");
    }
    await server.stop();
  });
});
