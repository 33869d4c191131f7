/** One direction of a proxied connection: bytes and the end of the stream, with backpressure, and a fault where there is one. */
import type { Socket } from 'node:net';
import type { Effect } from './messages.ts';

/** Held in a delayed direction before its source is paused, bytes: more than a window, less than would hurt. */
const MAX_DELAYED_BYTES = 4 * 1024 * 1024;

export interface Direction {
  /** The effect this direction is under has changed. */
  update(): void;
}

/** Hot path: one write per chunk that is read, and nothing else while no fault is on. */
export function copy(source: Socket, destination: Socket, effect: () => Effect): Direction {
  const delayed: { chunk: Buffer | null; dueMs: number }[] = [];
  let delayedBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let full = false;

  const flow = () => {
    if (source.destroyed) return;
    const stop = full || effect().kind === 'cut' || delayedBytes > MAX_DELAYED_BYTES;
    if (stop) source.pause();
    else source.resume();
  };
  const deliver = (chunk: Buffer | null) => {
    if (chunk === null) destination.end();
    else if (!destination.write(chunk)) {
      full = true;
      flow();
    }
  };
  const release = () => {
    timer = undefined;
    const { kind } = effect();
    if (kind === 'cut') return flow(); // what is under way stays there until the cut ends
    const nowMs = performance.now();
    const dueMs = kind === 'delay' ? nowMs : Infinity; // a delay that was lifted holds nothing back
    for (let head = delayed[0]; head !== undefined && head.dueMs <= dueMs; head = delayed[0]) {
      delayed.shift();
      delayedBytes -= head.chunk?.length ?? 0;
      deliver(head.chunk);
    }
    if (delayed[0] !== undefined) timer = setTimeout(release, Math.max(1, delayed[0].dueMs - nowMs));
    flow();
  };
  const take = (chunk: Buffer | null) => {
    const now = effect();
    if (now.kind !== 'delay' && delayed.length === 0) return deliver(chunk);
    const lateMs = now.kind === 'delay' ? now.latencyMs + (Math.random() * 2 - 1) * now.jitterMs : 0;
    const dueMs = Math.max(performance.now() + lateMs, delayed.at(-1)?.dueMs ?? 0); // TCP keeps the order
    delayed.push({ chunk, dueMs });
    delayedBytes += chunk?.length ?? 0;
    if (delayedBytes > MAX_DELAYED_BYTES) flow();
    timer ??= setTimeout(release, Math.max(0, dueMs - performance.now()));
  };

  source.on('data', take);
  source.on('end', () => take(null));
  destination.on('close', () => clearTimeout(timer));
  destination.on('drain', () => {
    full = false;
    flow();
  });
  flow();
  return {
    update() {
      if (delayed.length > 0) {
        clearTimeout(timer);
        release();
      } else flow();
    },
  };
}

/**
 * Ties two sockets' fates together: an error on one side resets the other, so that the peer sees what it would see
 * without a proxy between; a clean end on both sides closes both.
 */
export function tie(one: Socket, other: Socket): void {
  for (const [socket, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    socket.on('error', () => peer.resetAndDestroy());
    socket.on('close', (failed) => {
      if (!failed && !socket.readableEnded) peer.resetAndDestroy();
    });
  }
}
