// A TCP proxy that breaks its connections after a random number of bytes.
import { once } from "node:events";
import net from "node:net";

// `target` is a server's URL; aim() gives it another.
export async function droppingProxy(test, target, dice, bytesMax = 20_000) {
  let drops = 0;
  const proxy = net.createServer((client) => {
    const { hostname, port } = new URL(target);
    const upstream = net.connect(Number(port), hostname);
    let left = 200 + dice.below(bytesMax);
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    upstream.on("data", (bytes) => {
      client.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0) {
        drops += 1;
        client.end();
        upstream.destroy();
      }
    });
    client.on("data", (bytes) => upstream.write(bytes));
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  test.after(() => proxy.close());
  return { url: `http://127.0.0.1:${proxy.address().port}`, drops: () => drops, aim: (url) => (target = url) };
}
