/** Hands connections from pods on to a listener on this process's loopback: at an address that pods have a way to, and nowhere else. */
import { once } from 'node:events';
import net from 'node:net';
import { hostOf } from './reach.ts';

export interface Relay {
  /** `host:port` for the pods. */
  address: string;
  close(): Promise<void>;
}

/** `host` is an address of this process's network; the port is a free one. Rejects when there is no such address. */
export async function relayTo(targetUrl: string, host: string): Promise<Relay> {
  const target = new URL(targetUrl);
  const open = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const inner = net.connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [client, inner],
      [inner, client],
    ] as const) {
      open.add(socket);
      // Whoever is at the other end sees a closed connection, and sends again.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
    client.pipe(inner).pipe(client);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error(`${host} gives no port`);
  return {
    address: `${hostOf(host)}:${bound.port}`,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
