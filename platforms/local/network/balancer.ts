/**
 * The Service: a new connection goes to a random ready endpoint and stays there, also when the endpoint leaves the set (kube-proxy
 * in iptables mode, and conntrack). Without a ready endpoint nobody listens, so that clients are refused at once.
 */
import net from 'node:net';
import { copy, tie } from './direction.ts';
import type { Effect } from './messages.ts';

const OPEN: Effect = { kind: 'open' };
const open = () => OPEN;
const BACKLOG = 1024;

export interface Balancer {
  /** In effect when it resolves. Rejects when the port cannot be listened on. */
  set(port: number, endpoints: number[]): Promise<void>;
}

export function createBalancer(random: () => number = Math.random): Balancer {
  let endpoints: number[] = [];
  let server: net.Server | undefined;

  const accept = (client: net.Socket) => {
    const port = endpoints[Math.floor(random() * endpoints.length)];
    client.on('error', () => undefined);
    if (port === undefined) {
      client.resetAndDestroy();
      return;
    }
    const pod = net.connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    // Before the connection stands, the pod's refusal is the client's reset: its own handshake is over already.
    tie(client, pod);
    copy(client, pod, open);
    copy(pod, client, open);
  };

  return {
    async set(port, next) {
      endpoints = next;
      if (next.length === 0) {
        server?.close(); // established connections stay
        server = undefined;
      } else server ??= await listen(port, accept);
    },
  };
}

/** A listener of the loopback interface whose connections keep half-open ends. */
export function listen(port: number, accept: (client: net.Socket) => void): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, accept);
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', backlog: BACKLOG }, () => {
      server.off('error', reject);
      server.on('error', () => undefined); // accept failures such as EMFILE are the client's to see
      resolve(server);
    });
  });
}
