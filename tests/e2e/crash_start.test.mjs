// The first start makes the data folder, the journal and two keys. It is killed at its system calls,
// one first start for each: whatever was done by then, the next start finishes the work, and a key
// file that was there is the key.
import assert from "node:assert/strict";
import { access, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Dice, seed } from "./lib/dice.mjs";
import { killedAt, nodeCreated, Server, temporaryFolder } from "./lib/server.mjs";

const rounds = Number(process.env.BITVAULT_KILL_ROUNDS ?? 3);
const shapes = { "master.key": /^[A-Za-z0-9_-]{43}\n$/, "operator.key": /^bvk_operator_[A-Za-z0-9]{43}\n$/ };

// What each thread calls, "<call> <number>": the number of the call among its kind.
const few = { mkdir: 1, rename: 2, unlink: 6, fsync: 6, ftruncate: 4, write: 6 };
const many = { fdatasync: 16, pwrite64: 60 };
const points = (calls) => Object.entries(calls).flatMap(([call, count]) => Array.from({ length: count }, (_, i) => [call, i + 1]));

const keyFiles = async (data) => {
  const found = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const file = join(data, name);
    if (await access(file).then(() => true, () => false)) {
      found[name] = await readFile(file, "utf8");
      assert.match(found[name], shape, `${name} is whole`);
      assert.equal((await stat(file)).mode & 0o777, 0o600, name);
    }
  }
  return found;
};

// Whether the server died of it.
async function startAndDie(test, data, [call, number]) {
  const server = await Server.start(test, { data, wrapper: killedAt(call, number) }).catch((error) => {
    assert.match(error.message, /SIGKILL/, error.message);
  });
  await server?.kill();
  return server === undefined;
}

describe("kill -9 in the first start", () => {
  const dice = new Dice();
  const killed = [...points(few), ...dice.some(points(many), 5 * rounds)];

  it(`leaves nothing that the next start cannot finish (BITVAULT_SEED=${seed})`, async (test) => {
    let died = 0;
    for (const point of killed) {
      const data = join(await temporaryFolder(test), "data");
      died += await startAndDie(test, data, point);
      const before = await access(data).then(() => keyFiles(data), () => ({}));

      const server = await Server.start(test, { data });
      const after = await keyFiles(data);
      assert.deepEqual(Object.keys(after).sort(), Object.keys(shapes).sort());
      for (const [name, text] of Object.entries(before)) assert.equal(after[name], text, `${name} at ${point}`);
      assert.deepEqual((await readdir(data)).filter((name) => name.endsWith(".new")), [], `${point}`);
      assert.equal((await server.call("GET", "/v1/tenants")).status, 200, `the operator's key at ${point}`);
      assert.equal((await server.tenant("acme")).status, 201);
      const { json: { cursor } } = await server.publish("acme", nodeCreated());
      await server.kill();

      const again = await Server.start(test, { data });
      assert.deepEqual(await keyFiles(data), after);
      assert.equal((await again.feed("acme", { cursor })).status, 200, `a cursor of the master key at ${point}`);
      await again.kill();
    }
    assert.ok(died > killed.length / 2, `${died} of ${killed.length} points were reached`);
  });
});
