/** Waiting for something that has to be asked for. */

/** Resolves after `ms`, or at once when `signal` is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Asks every `everyMs` until the answer is yes; false when `timeoutMs` are over or `signal` is aborted first. Asks at least once. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs, everyMs = 250, signal }: { timeoutMs: number; everyMs?: number; signal?: AbortSignal },
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    if (await condition()) return true;
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0 || signal?.aborted === true) return false;
    await pause(Math.min(everyMs, leftMs), signal);
  }
}

/** An error's own words. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
