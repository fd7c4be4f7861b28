// serve --watch on a real folder.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { run, Server, temporaryFolder } from "./lib/server.mjs";

// Reads events until `enough` says so.
async function until(server, enough) {
  const events = [];
  for (let cursor; ; ) {
    const { json } = await server.feed("home", { limit: 1000, wait: 20, ...(cursor ? { cursor } : {}) });
    events.push(...json.events);
    cursor = json.next_cursor;
    if (enough(events)) return events;
    assert.ok(json.events.length > 0, `nothing more came after ${JSON.stringify(events.map((e) => [e.type, e.subject]))}`);
  }
}
const line = (event) => `${event.type.split(".")[2]} ${event.data.node.path}`;

describe("serve --watch", () => {
  it("turns real changes into typed events, also those made while it was down", async (test) => {
    const folder = join(await temporaryFolder(test), "home");
    await mkdir(join(folder, "a"), { recursive: true });
    await writeFile(join(folder, "a", "one.txt"), "1");
    let server = await Server.start(test, { args: ["--watch", `home=${folder}`] });
    const first = await until(server, (events) => events.length === 2);
    assert.deepEqual(first.map(line), ["created /a", "created /a/one.txt"]);
    const node = first[1].data.node;
    assert.equal(node.checksum, "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b");
    assert.equal(first[1].partitionkey, node.id);

    await writeFile(join(folder, "a", "one.txt"), "22");
    await until(server, (events) => events.length === 3);
    await rename(join(folder, "a", "one.txt"), join(folder, "two.txt"));
    await until(server, (events) => events.length === 4);
    await writeFile(join(folder, "tmp~"), "333");
    await rename(join(folder, "tmp~"), join(folder, "two.txt"));
    const live = await until(server, (events) => events.some((e) => e.data.node.size === "3" && e.type.includes("updated")));
    const own = live.filter((e) => e.data.node.id === node.id);
    assert.deepEqual(own.map(line), ["created /a/one.txt", "updated /a/one.txt", "moved /two.txt", "updated /two.txt"]);
    assert.equal(own[2].data.before.path, "/a/one.txt");
    assert.equal(own[2].data.after.path, "/two.txt");

    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    const before = live.length;
    await rename(join(folder, "two.txt"), join(folder, "a", "three.txt"));
    await writeFile(join(folder, "new.txt"), "n");
    server = await Server.start(test, { data: server.data, args: ["--watch", `home=${folder}`] });
    const down = (await until(server, (events) => events.length >= before + 2)).slice(before);
    assert.deepEqual(down.map(line).sort(), ["created /new.txt", "moved /a/three.txt"]);
    assert.equal(down.find((e) => e.type.includes("moved")).data.node.id, node.id);

    await rm(join(folder, "a"), { recursive: true });
    const gone = (await until(server, (events) => events.some((e) => line(e) === "deleted /a"))).slice(before + 2);
    assert.deepEqual(gone.map(line), ["deleted /a/three.txt", "deleted /a"]);
    await server.stop();
  });

  it("keeps up with a burst", async (test) => {
    const folder = join(await temporaryFolder(test), "home");
    await mkdir(folder);
    const server = await Server.start(test, { args: ["--watch", `home=${folder}`] });
    const names = Array.from({ length: 3000 }, (_, i) => `f${i}`);
    await mkdir(join(folder, "deep", "er"), { recursive: true });
    for (const name of names) await writeFile(join(folder, "deep", "er", name), name);
    const events = await until(server, (found) => new Set(found.filter((e) => e.type.includes("created")).map((e) => e.subject)).size >= 3002);
    const created = events.filter((e) => e.type.includes("created"));
    assert.equal(new Set(created.map((e) => e.data.node.id)).size, created.length, "no node is created twice");
    assert.equal(created.length, 3002);
    await server.stop();
  });

  it("begins anew when its tenant was deleted and made again", async (test) => {
    const folder = join(await temporaryFolder(test), "home");
    await mkdir(folder);
    await writeFile(join(folder, "one.txt"), "1");
    const server = await Server.start(test, { args: ["--watch", `home=${folder}`] });
    const [before] = await until(server, (events) => events.length === 1);
    assert.equal((await server.call("DELETE", "/v1/tenants/home")).status, 202);
    await writeFile(join(folder, "two.txt"), "2"); // by this the watcher learns of it
    while ((await server.tenant("home")).status !== 201) assert.equal(server.child.exitCode, null);
    const events = await until(server, (found) => found.length === 2);
    assert.deepEqual(events.map(line).sort(), ["created /one.txt", "created /two.txt"]);
    assert.deepEqual(events.map((event) => Number(event.sequence)), [1, 2]);
    assert.notEqual(events[0].epoch, before.epoch);
    await server.stop();
  });

  it("logs one JSON object a line, whatever the folder is called", async (test) => {
    const folder = join(await temporaryFolder(test), 'we"ird\n{"level":"error"} name');
    await mkdir(folder);
    await writeFile(join(folder, "one.txt"), "1");
    const server = await Server.start(test, { args: ["--log-json", "--watch", `home=${folder}`] });
    while (!server.log.includes("waiting for changes")) await once(server.child.stderr, "data");
    await server.stop();
    const lines = server.log.trimEnd().split("\n").map((text) => JSON.parse(text));
    assert.ok(lines.some(({ level, message }) => level === "info" && message.includes('we"ird\\x0a{')), server.log);
    for (const entry of lines) assert.deepEqual(Object.keys(entry), ["time", "level", "message"]);
  });

  it("starts although its tenant's deletion was cut short", async (test) => {
    const folder = join(await temporaryFolder(test), "home");
    await mkdir(folder);
    await writeFile(join(folder, "one.txt"), "1");
    const args = ["--watch", `home=${folder}`];
    let server = await Server.start(test, { args });
    const [before] = await until(server, (events) => events.length === 1);
    assert.equal((await server.call("DELETE", "/v1/tenants/home")).status, 202);
    await server.kill();
    server = await Server.start(test, { data: server.data, args });
    let page;
    do {
      page = await server.feed("home", { wait: 1 });
    } while (page.status !== 200 || page.json.events.length === 0);
    assert.deepEqual(page.json.events.map(line), ["created /one.txt"]);
    assert.notEqual(page.json.events[0].epoch, before.epoch);
    await server.stop();
  });

  it("refuses to watch its own data folder", async (test) => {
    const folder = await temporaryFolder(test);
    const link = join(await temporaryFolder(test), "link");
    await symlink(folder, link);
    for (const [data, watched] of [[join(folder, "a", "data"), folder], [folder, folder], [join(folder, "data"), link]]) {
      await mkdir(join(folder, "a"), { recursive: true });
      const { code, stderr } = await run(["serve", "--data", data, "--listen", "127.0.0.1:0", "--watch", `home=${watched}`]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /--watch home=.*: the data folder .* lies in it; give another --data\n$/);
    }
  });
});
