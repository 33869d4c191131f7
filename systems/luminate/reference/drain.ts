/** The way from SIGTERM to the end: nothing that was accepted is dropped, and no client meets a closed port by surprise. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './app.ts';
import type { Config } from './config.ts';

const LOOK_EVERY_MS = 20;
/** Defect never-closes-keep-alive: from the last answer to the end of the process. */
const DEAF_MS = 200;

/**
 * Goes on serving while every response asks its client to come back on another connection, which leads to another pod; stops
 * accepting when no connection is left (but not at once, since some may be on their way), or after the time limit; then stores what is
 * still to be stored.
 */
export async function drain(
  app: App,
  {
    shutdownTimeoutMs,
    shutdownAtLeastMs,
    defect,
  }: Pick<Config, 'shutdownTimeoutMs' | 'shutdownAtLeastMs' | 'defect'>,
): Promise<void> {
  const beganMs = performance.now();
  if (defect === 'closes-listener-at-once') app.stopListening();
  app.startDraining();
  for (;;) {
    await sleep(LOOK_EVERY_MS);
    const passedMs = performance.now() - beganMs;
    if (passedMs >= shutdownTimeoutMs) break;
    if (passedMs >= shutdownAtLeastMs && app.openConnections() === 0) break;
  }
  if (defect === 'never-closes-keep-alive') {
    app.stopAnswering();
    await sleep(DEAF_MS);
    await app.close();
    return;
  }
  await new Promise<void>((resolve) => {
    app.server.close(() => resolve()); // closes idle connections and waits for the others' answers
  });
  await app.close();
}
