// The loops of docs/feed.md, word for word: their connections break off at any byte, they meet refusals,
// the server is killed, and so are they; and they handle every event, none before the one before it.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, symlink, writeFile } from "node:fs/promises";
import http from "node:http";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { Dice, seed } from "./lib/dice.mjs";
import { droppingProxy } from "./lib/proxy.mjs";
import { nodeCreated, Server, temporaryFolder } from "./lib/server.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

const kLoops = {
  sh: { file: "loop.sh", command: ["bash", "loop.sh"], tools: ["bash", "curl", "jq"] },
  python: { file: "loop.py", command: ["python3", "-u", "loop.py"], tools: ["python3"] },
  js: { file: "loop.mjs", command: [process.execPath, "loop.mjs"], tools: [] },
};

const isThere = (tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;

// Answers 503 as often as it was told to, and otherwise passes a request on, byte by byte.
async function refusingServer(test, target) {
  const refusing = { left: 0, target };
  const server = http.createServer((request, response) => {
    if (refusing.left > 0) {
      refusing.left -= 1;
      response.writeHead(503, { "content-type": "text/html" }).end("<h1>starting</h1>");
      return;
    }
    const { hostname, port } = new URL(refusing.target);
    const { method, url: path, headers } = request;
    const upstream = http.request({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.on("error", () => response.destroy()).on("aborted", () => response.destroy());
      answer.pipe(response);
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => server.closeAllConnections() ?? server.close());
  refusing.url = `http://127.0.0.1:${server.address().port}`;
  return refusing;
}

// A loop of the document in a folder of its own, with what it has printed.
class Loop {
  handled = [];
  said = "";

  static async make(test, language, server, url) {
    const loop = new Loop();
    const text = await readFile(join(root, "docs/feed.md"), "utf8");
    const { file, command } = kLoops[language];
    loop.folder = await temporaryFolder(test);
    loop.command = command;
    loop.env = { ...process.env, BITVAULT_URL: url, BITVAULT_TENANT: "acme", BITVAULT_KEY: server.key };
    await writeFile(join(loop.folder, file), text.match(new RegExp("```" + language + "\\n(.*?)```", "s"))[1]);
    await symlink(join(root, "node_modules"), join(loop.folder, "node_modules"));
    test.after(() => loop.kill());
    return loop;
  }

  start() {
    this.child = spawn(this.command[0], this.command.slice(1), { cwd: this.folder, env: this.env, detached: true });
    let rest = "";
    this.child.stderr.on("data", (text) => (this.said += text));
    this.child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const sequence = /^(\d{20}) |"sequence":"(\d{20})"/.exec(line);
        if (sequence) this.handled.push(Number(sequence[1] ?? sequence[2]));
        else this.said += `${line}\n`;
      }
    });
  }

  async kill() {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, "SIGKILL"); // with what the shell has started
    await once(child, "close");
  }

  async handles(sequence) {
    for (let i = 0; this.handled.at(-1) !== sequence; i += 1) {
      assert.ok(i < 600 && this.child.exitCode === null, `${sequence} does not come; the loop said: ${this.said}`);
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

const events = (count) => Array.from({ length: count }, () => nodeCreated());

describe("the loops of docs/feed.md", { concurrency: true }, () => {
  for (const [language, { tools }] of Object.entries(kLoops)) {
    const missing = tools.find((tool) => !isThere(tool));
    it(`${language} loses no event`, { skip: missing && `there is no ${missing}` }, async (test) => {
      const first = await Server.start(test);
      await first.tenant("acme");
      await first.publish("acme", events(300));
      const refusing = await refusingServer(test, first.url);
      const proxy = await droppingProxy(test, refusing.url, new Dice(seed), 200_000);
      const loop = await Loop.make(test, language, first, proxy.url);
      loop.start();
      await loop.handles(300);
      await first.publish("acme", events(100));
      await first.kill();
      const second = await Server.start(test, { data: first.data });
      refusing.target = second.url;
      refusing.left = 2;
      const type = "bitvault.node.restored.v1";
      const { example } = (await second.call("GET", `/v1/catalog/${type}`)).json;
      assert.equal((await second.publish("acme", [...events(99), { type, data: example }])).status, 201);
      await loop.handles(500);
      await loop.kill();
      await second.publish("acme", events(100));
      loop.start();
      await loop.handles(600);
      let reached = 0;
      for (const sequence of loop.handled) {
        assert.ok(sequence <= reached + 1, `${sequence} after ${reached}`);
        reached = Math.max(reached, sequence);
      }
      assert.equal(reached, 600);

      await loop.kill();
      await second.publish("acme", events(10));
      await second.call("PUT", "/v1/tenants/acme", { body: { retention: { max_events: 5 } } });
      while ((await second.call("GET", "/v1/tenants/acme")).json.floor !== 606) await new Promise((done) => setTimeout(done, 50));
      loop.said = "";
      loop.start();
      await loop.handles(610);
      assert.match(loop.said, /expired/);
      assert.deepEqual(loop.handled.slice(-5), [606, 607, 608, 609, 610]);
    });
  }
});
