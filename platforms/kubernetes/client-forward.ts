/** A local port that leads to a pod's port through the API server; one WebSocket for each connection. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket as TcpSocket } from 'node:net';
import { Writable } from 'node:stream';
import { PortForward } from '@kubernetes/client-node';
import type { KubeConfig } from '@kubernetes/client-node';
import { ApiError } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { checkName, refusedSocket } from './client-exec.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Answers are waited for a second at the least; a way that takes longer to open has asked the pod nothing by then. */
const ASKED_WITHIN_MS = 900;
/** The API server's own refusals and those of what stands before it. 500 is also what a kubelet says of a pod that is going. */
const NOT_ASKED = [0, 401, 403, 408, 429, 502, 503, 504];

/** As much of the library's socket as is used here; it has no types of its own. */
interface Socket {
  close(): void;
  terminate(): void;
  on(event: 'close' | 'error', listener: () => void): unknown;
}

/**
 * A connection to the port is accepted before the pod is asked: where the pod refuses it, it is reset. Close it, or the
 * process does not end.
 */
export function forwardTo(config: KubeConfig): Cluster['portForward'] {
  return async ({ namespace, pod, port, unasked }) => {
    const what = `port-forward to v1 Pod ${namespace}/${pod}:${port}`;
    checkName(what, namespace, pod);
    const open = new Set<TcpSocket>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      // Whoever is at this end sees it as a closed connection.
      socket.on('error', () => socket.destroy());
      join(socket).catch(() => socket.resetAndDestroy());
    });

    async function join(socket: TcpSocket): Promise<void> {
      // The error channel speaks only when the pod could not be reached.
      const refused = new Writable({
        write(chunk: Buffer, _encoding, next) {
          if (chunk.length > 0) socket.resetAndDestroy();
          next();
        },
      });
      const opening = new PortForward(config).portForward(namespace, pod, [port], socket, refused, socket);
      const timeout = setTimeout(() => socket.resetAndDestroy(), CONNECT_TIMEOUT_MS);
      const slow = setTimeout(
        () => unasked?.(`${what}: not open after ${ASKED_WITHIN_MS} ms`),
        ASKED_WITHIN_MS,
      );
      let link: Socket;
      try {
        link = asSocket(what, await opening);
      } catch (error) {
        const refusal = error instanceof ApiError ? error : refusedSocket(what, error);
        if (NOT_ASKED.includes(refusal.status)) unasked?.(refusal.message);
        throw refusal;
      } finally {
        clearTimeout(timeout);
        clearTimeout(slow);
      }
      if (socket.destroyed) return link.terminate();
      socket.on('close', () => link.close());
      link.on('error', () => socket.resetAndDestroy());
      link.on('close', () => socket.end());
    }

    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string')
      throw new ApiError(`${what}: no local port`, 0, 'NoPort');
    return {
      port: address.port,
      async close() {
        if (!server.listening) return;
        const closed = once(server, 'close');
        server.close();
        for (const socket of open) socket.destroy();
        await closed;
      },
    };
  };
}

function asSocket(what: string, value: unknown): Socket {
  if (typeof value === 'object' && value !== null && 'terminate' in value && 'on' in value)
    return value as Socket;
  throw new ApiError(`${what}: no connection`, 0, 'NoConnection');
}
