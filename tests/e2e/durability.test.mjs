// kill -9 does not test durability, since the page cache survives it. So the system calls are watched:
// each 201 must come after an fsync that came after the write of the event's bytes.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { nodeCreated, run, Server, temporaryFolder } from "./lib/server.mjs";

// Every finished call of an strace -f log, in the order in which the calls ended.
function calls(log) {
  const unfinished = new Map();
  const done = [];
  for (const line of log.split("\n")) {
    const match = line.match(/^(\d+)\s+(.*)$/);
    if (!match) continue;
    const [, thread, text] = match;
    if (text.endsWith("<unfinished ...>")) {
      unfinished.set(thread, text.slice(0, -"<unfinished ...>".length));
    } else {
      const resumed = text.match(/^<\.\.\. \w+ resumed>(.*)$/);
      done.push(resumed ? (unfinished.get(thread) ?? "") + resumed[1] : text);
    }
  }
  return done;
}

describe("durability", () => {
  it("answers 201 only behind the fsync that covers the event", async (test) => {
    if ((await run(["-V"], { command: "strace" }).catch(() => ({ code: 1 }))).code !== 0) {
      assert.fail("strace is not installed: run ./dev setup");
    }
    const log = join(await temporaryFolder(test), "strace.log");
    const server = await Server.start(test, {
      wrapper: ["strace", "-f", "-q", "-s", "16384", "-e", "trace=pwrite64,write,writev,pwritev,fdatasync,fsync,sendto,sendmsg", "-o", log],
    });
    await server.tenant("acme");
    const ids = [];
    for (let round = 0; round < 5; round += 1) {
      const batch = Array.from({ length: 4 }, (_, i) => nodeCreated({ id: `durable-${round}-${i}-end` }));
      await Promise.all(batch.map((event) => server.publish("acme", event)));
      ids.push(...batch.map((event) => event.id));
    }
    await server.stop();

    const done = calls(await readFile(log, "utf8"));
    for (const id of ids) {
      const written = done.findIndex((call) => call.startsWith("pwrite64(") && call.includes(id));
      const answered = done.findIndex((call) => /^(sendmsg|sendto|writev|write)\(/.test(call) && call.includes("HTTP/1.1 201") && call.includes(id));
      assert.ok(written >= 0, `${id} is written to the journal's file`);
      assert.ok(answered > written, `${id} is answered after it is written`);
      const synced = done.slice(written + 1, answered).some((call) => /^f(data)?sync\(\d+ *\) *= 0/.test(call));
      assert.ok(synced, `${id} is synced between its write and its answer`);
    }
  });

  it("relies on a key only when its file is on disk, name and all", async (test) => {
    const log = join(await temporaryFolder(test), "strace.log");
    const server = await Server.start(test, {
      wrapper: ["strace", "-f", "-q", "-y", "-s", "16384", "-e", "trace=write,fsync,rename,pwrite64", "-o", log],
    });
    await server.stop();

    const done = calls(await readFile(log, "utf8"));
    const settings = { "master.key": "master_key_check", "operator.key": "operator_key_sha256" };
    for (const [file, setting] of Object.entries(settings)) {
      const steps = [
        (call) => call.startsWith("write(") && call.includes(`/${file}.new>`),
        (call) => call.startsWith("fsync(") && call.includes(`/${file}.new>) = 0`),
        (call) => call.startsWith("rename(") && call.includes(`/${file}.new", `) && call.includes(`/${file}") = 0`),
        (call) => call.startsWith("fsync(") && call.includes(`<${server.data}>) = 0`),
        (call) => call.startsWith("pwrite64(") && call.includes(setting),
      ];
      let before = -1;
      for (const [i, step] of steps.entries()) {
        const at = done.findIndex((call, place) => place > before && step(call));
        assert.ok(at >= 0, `${file}: step ${i + 1} comes behind the one before`);
        before = at;
      }
      const first = done.findIndex(steps.at(-1));
      assert.equal(first, before, `${file}: the store does not name it earlier`);
    }
  });
});
