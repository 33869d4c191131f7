/**
 * One pod's way to the store, with the faults that Chaos Mesh's NetworkChaos would put on it.
 *
 * A cut stops the bytes of a direction in silence: connections stay open, nothing is refused, and what was held back is
 * delivered when the cut ends, as retransmission would. One difference cannot be played without privileges: a real DROP
 * would not complete a new connection's handshake, here it is accepted and then nothing flows in either direction.
 */
import net from 'node:net';
import { listen } from './balancer.ts';
import { copy, tie } from './direction.ts';
import type { Direction } from './direction.ts';
import type { Effect } from './messages.ts';

export interface Link {
  set(toTarget: Effect, fromTarget: Effect): void;
  close(): void;
}

/** Opens a link that listens on `port` and leads to `targetPort`. Rejects when the port cannot be listened on. */
export async function openLink(port: number, targetPort: number): Promise<Link> {
  let toTarget: Effect = { kind: 'open' };
  let fromTarget: Effect = { kind: 'open' };
  const sockets = new Set<net.Socket>();
  const directions = new Set<Direction>();
  /** Accepted during a cut: the target never heard of them. */
  const held = new Set<net.Socket>();

  const connect = (client: net.Socket) => {
    const target = net.connect({ host: '127.0.0.1', port: targetPort, noDelay: true, allowHalfOpen: true });
    const way = (from: net.Socket, to: net.Socket, effect: () => Effect) => {
      const direction = copy(from, to, effect);
      directions.add(direction);
      to.on('close', () => directions.delete(direction)); // its source may close before everything is delivered
    };
    way(client, target, () => toTarget);
    way(target, client, () => fromTarget);
    tie(client, target);
    sockets.add(target);
    target.on('close', () => sockets.delete(target));
  };
  const isCut = () => toTarget.kind === 'cut' || fromTarget.kind === 'cut';

  /** A connection that was given up while it was held never existed for the target. */
  const reachLate = (client: net.Socket) => {
    const early: Buffer[] = [];
    const keep = (chunk: Buffer) => early.push(chunk);
    client.on('data', keep);
    client.resume();
    setTimeout(() => {
      client.off('data', keep);
      if (client.readableEnded || client.destroyed) {
        client.destroy();
        return;
      }
      client.pause();
      if (early.length > 0) client.unshift(Buffer.concat(early));
      if (isCut()) held.add(client);
      else connect(client);
    }, 5);
  };

  const server = await listen(port, (client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    client.on('close', () => {
      sockets.delete(client);
      held.delete(client);
    });
    if (!isCut()) return connect(client);
    client.pause();
    held.add(client);
  });

  return {
    set(to, from) {
      toTarget = to;
      fromTarget = from;
      for (const direction of directions) direction.update();
      if (isCut()) return;
      for (const client of held) {
        held.delete(client);
        reachLate(client);
      }
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
