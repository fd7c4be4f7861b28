// A watcher's first scan is killed again and again. In the end each file was told of exactly once,
// behind its folder, and nothing was told that is not there.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Dice, seed } from "./lib/dice.mjs";
import { killedAt, Server, temporaryFolder } from "./lib/server.mjs";

const rounds = Number(process.env.BITVAULT_KILL_ROUNDS ?? 3);
const folders = 40;
const filesEach = 50;

describe("kill -9 in a watcher's first scan", () => {
  it(`tells of each file once, ${rounds} times killed (BITVAULT_SEED=${seed})`, async (test) => {
    const dice = new Dice();
    const root = join(await temporaryFolder(test), "home");
    const paths = [];
    for (let i = 0; i < folders; i += 1) {
      const folder = i % 4 === 0 ? `/f${i}` : `${paths.findLast((path) => path.endsWith("/"))}f${i}`;
      await mkdir(join(root, folder), { recursive: true });
      paths.push(`${folder}/`);
      for (let j = 0; j < filesEach; j += 1) {
        await writeFile(join(root, folder, `${j}.txt`), `${i} ${j}`);
        paths.push(`${folder}/${j}.txt`);
      }
    }

    const args = ["--watch", `home=${root}`];
    const data = join(await temporaryFolder(test), "data");
    const events = [];
    let cursor;
    let killedInScan = 0;
    const readUntil = async (server, count) => {
      while (events.length < count) {
        const { status, json, text } = await server.feed("home", { limit: 1000, wait: 20, ...(cursor ? { cursor } : {}) });
        assert.equal(status, 200, text);
        assert.ok(json.events.length > 0, `nothing came after ${events.length} events`);
        events.push(...json.events);
        cursor = json.next_cursor;
      }
    };
    // In turns: killed when so many events were read, and at a write of one of its threads.
    for (let round = 0; round < rounds; round += 1) {
      const wrapper = round % 2 === 0 ? [] : killedAt("pwrite64", 1 + dice.below(3_000));
      let server;
      try {
        server = await Server.start(test, { data, args, wrapper });
        await readUntil(server, Math.min(events.length + 1 + dice.below(paths.length / rounds), paths.length));
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
      killedInScan += server?.log.includes("waiting for changes") ? 0 : 1;
      await server?.kill();
    }
    assert.ok(killedInScan > 0);
    const server = await Server.start(test, { data, args });
    while (!server.log.includes("waiting for changes")) await once(server.child.stderr, "data");
    await readUntil(server, paths.length);

    assert.deepEqual(await server.all("home"), events, "what was read is what there is");
    events.forEach((event, i) => {
      assert.equal(Number(event.sequence), i + 1);
      assert.equal(event.type, "bitvault.node.created.v1");
    });
    const path = ({ data: { node } }) => node.path + (node.kind === "NODE_KIND_FOLDER" ? "/" : "");
    assert.deepEqual(events.map(path).sort(), paths.sort());
    const seen = new Set();
    for (const { data: { node } } of events) {
      assert.ok(node.parentId === undefined || seen.has(node.parentId), `${node.path} stands before its folder`);
      assert.ok(!seen.has(node.id), `${node.path} has an id of its own`);
      seen.add(node.id);
    }
    await server.stop();
  });
});
