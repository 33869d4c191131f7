/** Free TCP ports of the loopback interface, below the range that the kernel hands out for outgoing connections. */
import net from 'node:net';

const LOWEST = 18_000;
const COUNT = 12_000;
const ATTEMPTS = 200;

/** Given out before: a pod that is gone must go on refusing for as long as its fault is looked at. */
const used = new Set<number>();

/** A port of 18000-29999 that nobody listens on now and that was not given out before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if (used.has(port) || !(await canListen(port))) continue;
    used.add(port);
    return port;
  }
  throw new Error(
    `no free port among ${LOWEST}-${LOWEST + COUNT - 1} in ${ATTEMPTS} attempts; end what listens there`,
  );
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
