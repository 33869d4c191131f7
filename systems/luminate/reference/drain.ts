/** The way from SIGTERM to the end: nothing that was accepted is dropped, and no client meets a closed port by surprise. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './app.ts';

const LOOK_EVERY_MS = 20;
/** A connection may be on its way when the signal arrives, even if none is open. */
const AT_LEAST_MS = 300;

/**
 * Goes on serving while every response asks its client to come back on another connection, which leads to another pod; stops
 * accepting when no connection is left, or after the time limit, milliseconds; then stores what is still to be stored.
 */
export async function drain(app: App, timeoutMs: number): Promise<void> {
  const beganMs = performance.now();
  app.startDraining();
  for (;;) {
    await sleep(LOOK_EVERY_MS);
    const passedMs = performance.now() - beganMs;
    if (passedMs >= timeoutMs || (passedMs >= AT_LEAST_MS && app.openConnections() === 0)) break;
  }
  await new Promise<void>((resolve) => {
    app.server.close(() => resolve()); // closes idle connections and waits for the others' answers
  });
  await app.close();
}
