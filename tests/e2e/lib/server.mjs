// Starts the real server in a temporary folder, on a free port, and stops it by its own process.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { after } from "node:test";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const binary = process.env.BITVAULT_BINARY ?? join(root, "build/release/bitvault-events");

// For what all tests of one describe() share: call it there, and use it where a test would stand.
export function shared() {
  const cleanups = [];
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });
  return { after: (cleanup) => cleanups.push(cleanup) };
}

export async function temporaryFolder(test) {
  const folder = await mkdtemp(join(tmpdir(), "bitvault-e2e-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

// Runs a command to its end.
export async function run(args, { input, env, command = binary, timeout = 60_000 } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, timeout });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  child.stdin.on("error", () => {});
  child.stdin.end(input ?? "");
  const [code, signal] = await once(child, "close");
  return { code, signal, stdout, stderr };
}

// A wrapper under which the server is killed as soon as one of its threads makes this system call
// for the `number`th time.
export const killedAt = (call, number) => ["strace", "-f", "-q", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${number}`];

export class Server {
  // `data` lives on after stop() and kill(), so that start() may be called again on it.
  static async start(test, { data, args = [], wrapper = [], env = {} } = {}) {
    const server = new Server();
    server.data = data ?? join(await temporaryFolder(test), "data");
    const command = [...wrapper, binary, "serve", "--data", server.data, "--listen", "127.0.0.1:0", ...args];
    server.child = spawn(command[0], command.slice(1), { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    server.log = "";
    server.pid = server.child.pid;
    server.exit = once(server.child, "exit").then(([code, signal]) => ({ code, signal }));
    test.after(() => server.kill());
    server.url = await new Promise((ready, failed) => {
      const read = (text) => {
        server.log += text;
        const match = server.log.match(/listening on (https?:\/\/[^\s"]+)/);
        if (match) ready(match[1]);
      };
      server.child.stdout.setEncoding("utf8").on("data", read);
      server.child.stderr.setEncoding("utf8").on("data", read);
      server.exit.then((end) => failed(new Error(`the server ended (${JSON.stringify(end)}): ${server.log}`)));
    });
    // under a wrapper the server is the wrapper's child
    const children = wrapper.length ? await readFile(`/proc/${server.child.pid}/task/${server.child.pid}/children`, "utf8") : "";
    server.pid = Number(children.trim() || server.child.pid);
    server.key = (await readFile(join(server.data, "operator.key"), "utf8")).trim();
    return server;
  }

  async stop() {
    process.kill(this.pid, "SIGTERM");
    return this.exit;
  }

  async kill() {
    try {
      if (this.child.exitCode === null && this.child.signalCode === null) process.kill(this.pid, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error; // it died, and its wrapper has not noticed yet
    }
    return this.exit;
  }

  // One request; the answer's body is parsed when it is JSON.
  async call(method, path, { body, key = this.key, type = "application/json", headers = {}, signal } = {}) {
    const response = await fetch(this.url + path, {
      method,
      signal,
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(body === undefined ? {} : { "content-type": type }),
        ...headers,
      },
      body: body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
    const text = await response.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  }

  tenant(name) {
    return this.call("PUT", `/v1/tenants/${name}`, { body: {} });
  }

  publish(tenant, events, options = {}) {
    return this.call("POST", `/v1/tenants/${tenant}/events`, {
      body: events,
      type: Array.isArray(events) ? "application/cloudevents-batch+json" : "application/cloudevents+json",
      ...options,
    });
  }

  feed(tenant, query = {}, options = {}) {
    const parameters = new URLSearchParams(query).toString().replaceAll("+", "%20");
    return this.call("GET", `/v1/tenants/${tenant}/events?${parameters}`, options);
  }

  // Every event of the tenant, page by page.
  async all(tenant, query = {}) {
    const events = [];
    for (let cursor; ; ) {
      const page = await this.feed(tenant, { limit: 1000, ...query, ...(cursor ? { cursor } : {}) });
      if (page.status !== 200) throw new Error(page.text);
      events.push(...page.json.events);
      if (!page.json.has_more) return events;
      cursor = page.json.next_cursor;
    }
  }
}

let counter = 0;

// A valid node.created event; every call another node.
export function nodeCreated({ path, node = {}, ...members } = {}) {
  counter += 1;
  const where = path ?? `/docs/file-${counter}.txt`;
  return {
    type: "bitvault.node.created.v1",
    data: {
      actor: { kind: "ACTOR_KIND_USER", id: "u_1" },
      node: { id: `n_${counter}`, kind: "NODE_KIND_FILE", name: where.split("/").at(-1), path: where, ...node },
    },
    ...members,
  };
}
