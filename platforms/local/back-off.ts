/** The kubelet's crash-loop back-off: the first restart is immediate, then 10 s doubling to 300 s; 10 minutes of life forgive. */
const FIRST_MS = 10_000;
const LONGEST_MS = 300_000;
const FORGIVEN_AFTER_MS = 600_000;

export interface BackOff {
  /** Milliseconds to wait after a container ended at `endedAtMs` before it is started again. */
  next(endedAtMs: number): number;
}

export function createBackOff(): BackOff {
  let waitMs = 0;
  let lastEndMs = -Infinity;
  return {
    next(endedAtMs) {
      if (endedAtMs - lastEndMs > FORGIVEN_AFTER_MS) waitMs = 0;
      lastEndMs = endedAtMs;
      const thisTimeMs = waitMs;
      waitMs = waitMs === 0 ? FIRST_MS : Math.min(waitMs * 2, LONGEST_MS);
      return thisTimeMs;
    },
  };
}
