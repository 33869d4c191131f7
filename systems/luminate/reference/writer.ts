/** What happens between a checked write and its answer: the store, or one of the defects in its way. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from './database.ts';
import type { Defect } from './defects.ts';

import type { Store, WriteResult } from './store.ts';

export interface Writer {
  /** `failed`: stored, and answered with an error nevertheless. */
  write(row: Row): Promise<WriteResult | 'failed'>;
  /** SIGTERM has arrived. */
  terminate(): void;
  /** Resolves when everything that was acknowledged has been dealt with. */
  settled(): Promise<void>;
}

const ACK_AHEAD_MS = 500;
const RETRY_MS = 100;
const FAIL_EVERY = 1_000;

export function createWriter(store: Store, defect: Defect | undefined): Writer {
  if (defect === 'ack-before-store') return acknowledgeFirst(store);
  if (defect === 'drop-on-sigterm') return dropOnTerminate(store);
  if (defect === 'error-after-store') return failAfterStore(store);
  return { write: (row) => store.write(row), terminate: () => undefined, settled: () => Promise.resolve() };
}

function acknowledgeFirst(store: Store): Writer {
  const pending = new Set<Promise<void>>();
  const storeLater = async (row: Row) => {
    await sleep(ACK_AHEAD_MS);
    while ((await store.write(row)) !== 'stored') await sleep(RETRY_MS);
  };
  return {
    write(row) {
      if (!store.available) return Promise.resolve('unavailable');
      const stored = storeLater(row);
      pending.add(stored);
      void stored.then(() => pending.delete(stored));
      return Promise.resolve('stored');
    },
    terminate: () => undefined,
    async settled() {
      await Promise.all(pending);
    },
  };
}

function dropOnTerminate(store: Store): Writer {
  let terminated = false;
  return {
    write: (row) => (terminated ? Promise.resolve('stored') : store.write(row)),
    terminate() {
      terminated = true;
      store.settleWaiting('stored');
    },
    settled: () => Promise.resolve(),
  };
}

/** Small writes are left alone: a probe of one metric must not take the pod for dead. */
function failAfterStore(store: Store): Writer {
  let stored = 0;
  return {
    async write(row) {
      const result = await store.write({ ...row, attempt: Math.floor(Math.random() * 2 ** 31) });
      if (result !== 'stored' || row.points === 1) return result;
      stored += 1;
      return stored % FAIL_EVERY === 0 ? 'failed' : 'stored';
    },
    terminate: () => undefined,
    settled: () => Promise.resolve(),
  };
}
