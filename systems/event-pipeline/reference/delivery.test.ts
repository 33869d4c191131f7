import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { distinctIdOf, uuidOf } from '../identity.ts';
import { Batch } from './batch.ts';
import { createConsumerMetrics } from './consumer-metrics.ts';
import type { Defect } from './defects.ts';
import { Delivery } from './delivery.ts';
import { TruthLog } from './truth.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'delivery-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const write = (n: number) => ({
  event: 'e',
  distinct_id: distinctIdOf({ runner: 'load', vu: 3 }),
  uuid: uuidOf({ vu: 3, n, point: 0, points: 1 }),
});

function batch(n: number, more: unknown[] = []): Batch {
  const made = new Batch(true);
  const value = Buffer.from(JSON.stringify({ project_id: 'p', batch: [write(n), ...more] }));
  made.add({ partition: 0, offset: BigInt(n), value });
  return made;
}

/** What happened, in order; `fails` inserts do not work. */
function lab(defect?: Defect, fails = 0, patience = Infinity) {
  const steps: string[] = [];
  const letters: string[] = [];
  const pausesMs: number[] = [];
  let left = fails;
  const delivery = new Delivery({
    defect,
    insert() {
      left -= 1;
      steps.push(left >= 0 ? 'refused' : 'insert');
      return left >= 0 ? Promise.reject(new Error('down')) : Promise.resolve();
    },
    sendDeadLetters(records) {
      steps.push(`dlq ${records.length}`);
      letters.push(...records.map(({ value }) => value.toString()));
      return Promise.resolve();
    },
    truth: new TruthLog(folder, 'pod'),
    metrics: createConsumerMetrics(),
    log: () => undefined,
    pause(ms) {
      pausesMs.push(ms);
      return pausesMs.length > patience ? Promise.reject(new Error('given up')) : Promise.resolve();
    },
    crash() {
      steps.push('crash');
      throw new Error('crashed');
    },
  });
  const deliver = async (n: number, more?: unknown[]) => {
    await delivery
      .deliver(batch(n, more), (offsets) => {
        steps.push(`commit ${offsets.get(0)}`);
        return Promise.resolve();
      })
      .catch((error: unknown) => steps.push(String(error)));
  };
  const twenty = async () => {
    for (let n = 1; n <= 20; n += 1) await deliver(n);
    return steps.slice(-4);
  };
  const truth = () => readdirSync(folder).map((file) => readFileSync(path.join(folder, file), 'utf8'));
  return { steps, letters, deliver, twenty, truth, pausesMs };
}

describe('a delivery', () => {
  it('inserts, however long it takes, and commits only then', async () => {
    const { steps, deliver, twenty, truth, pausesMs } = lab(undefined, 8);
    await deliver(1);
    expect(steps).toEqual([...Array.from({ length: 8 }, () => 'refused'), 'insert', 'commit 1']);
    expect(pausesMs).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
    expect(await twenty()).toEqual(['insert', 'commit 19', 'insert', 'commit 20']);
    expect(truth()).toEqual([]);
  });

  it('buries what can never be stored before anything else', async () => {
    const { steps, letters, deliver } = lab();
    await deliver(1, [{ event: 'e' }]);
    expect(steps).toEqual(['dlq 1', 'insert', 'commit 1']);
    expect(JSON.parse(letters[0] ?? '')).toMatchObject({
      raw: { event: 'e', project_id: 'p' },
      error_kind: 'invalid_event',
      error_message: expect.stringContaining('distinct_id') as unknown,
      dlq_ts: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
    });
  });

  it('commits nothing when it is told to give up', async () => {
    const { steps, deliver } = lab(undefined, Infinity, 1);
    await deliver(1);
    expect(steps).toEqual(['refused', 'refused', 'Error: given up']);
  });
});

describe('the defect', () => {
  it('commit-before-insert writes down what it loses, commits it and ends', async () => {
    const { twenty, truth } = lab('commit-before-insert');
    expect(await twenty()).toEqual(['insert', 'commit 20', 'crash', 'Error: crashed']);
    expect(truth()).toEqual(['load 3 20\n']);
  });

  it('insert-then-commit-crash ends between the two, and loses nothing', async () => {
    const { twenty, truth } = lab('insert-then-commit-crash');
    expect(await twenty()).toEqual(['commit 19', 'insert', 'crash', 'Error: crashed']);
    expect(truth()).toEqual([]);
  });

  it('dlq-after-3-tries buries the whole batch and commits', async () => {
    const { steps, letters, deliver, pausesMs } = lab('dlq-after-3-tries', 3);
    await deliver(7);
    expect(steps).toEqual(['refused', 'refused', 'refused', 'dlq 1', 'commit 7']);
    expect(pausesMs).toEqual([1_000, 2_000]);
    expect(JSON.parse(letters[0] ?? '')).toMatchObject({
      raw: { project_id: 'p', batch: [write(7)] },
      error_kind: 'insert_failed',
    });
    await deliver(8);
    expect(steps.slice(-2)).toEqual(['insert', 'commit 8']);
  });
});
