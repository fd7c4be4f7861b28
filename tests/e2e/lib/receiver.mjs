// A receiver of webhooks: keeps what comes with its exact bytes, and answers as it is told.
import { once } from "node:events";
import { createServer } from "node:http";

export class Receiver {
  // `answer(delivery, number)` gives a status, or {status, headers, body}, or a promise of one.
  static async start(test, answer = () => 200) {
    const receiver = new Receiver();
    receiver.deliveries = [];
    receiver.answer = answer;
    receiver.changed = [];
    receiver.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const delivery = { path: request.url, method: request.method, headers: request.headers, raw: request.rawHeaders, body: Buffer.concat(chunks), at: Date.now() };
      receiver.deliveries.push(delivery);
      const answered = await receiver.answer(delivery, receiver.deliveries.length);
      const { status, headers = {}, body = "" } = typeof answered === "number" ? { status: answered } : answered;
      delivery.status = status;
      response.writeHead(status, headers);
      response.end(body);
      for (const wake of receiver.changed.splice(0)) wake();
    });
    receiver.server.listen(0, "127.0.0.1");
    await once(receiver.server, "listening");
    test.after(() => {
      receiver.server.closeAllConnections();
      receiver.server.close();
    });
    receiver.url = `http://127.0.0.1:${receiver.server.address().port}/hook`;
    return receiver;
  }

  get accepted() {
    return this.deliveries.filter(({ status }) => status >= 200 && status < 300);
  }

  ids(deliveries = this.accepted) {
    return new Set(deliveries.map(({ headers }) => headers["webhook-id"]));
  }

  // Waits until `done()` holds after an answer.
  async until(done, patience = 30_000) {
    const end = Date.now() + patience;
    while (!done()) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`not in time: ${this.deliveries.length} deliveries, ${this.accepted.length} accepted`);
      let timer;
      await new Promise((wake) => {
        this.changed.push(wake);
        timer = setTimeout(wake, left);
      });
      clearTimeout(timer);
    }
  }
}

// Asks until `look()` gives something that holds.
export async function eventually(look, patience = 30_000) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not in time: ${look}`);
    await new Promise((next) => setTimeout(next, 25));
  }
}
