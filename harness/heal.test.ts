import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CHANGED_BY } from '../platforms/kubernetes/labels.ts';
import { memoryCluster } from '../platforms/kubernetes/testing.ts';
import { restoreLeft } from './heal.ts';
import { openActions, openJournal } from './undo.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'heal-test-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true });
});

const ref = { apiVersion: 'v1', kind: 'Node', name: 'node-1' };
function cordoned() {
  const journal = openJournal(dir);
  journal.intent({ kind: 'cluster', what: 'namespace shop', context: 'memory' });
  journal.intent({ kind: 'restore', what: 'node-1: uncordon', context: 'memory', ref, patch: {} });
  const cluster = memoryCluster();
  const annotations = { [CHANGED_BY]: path.basename(dir) };
  cluster.put({ ...ref, metadata: { name: 'node-1', annotations } });
  return { journal, cluster, open: () => openActions(dir).map(({ action }) => action.kind) };
}

it('takes back at the end of a run what a fault could not, and closes only those entries', async () => {
  const { journal, cluster, open } = cordoned();
  const away = () => Promise.reject(new Error('connect ECONNREFUSED'));
  expect(await restoreLeft(dir, journal, away)).toEqual({
    undone: [],
    left: ['node-1: uncordon: connect ECONNREFUSED; run proofload heal'],
  });
  expect(open()).toEqual(['restore', 'cluster']);
  const connect = () => Promise.resolve(cluster);
  expect(await restoreLeft(dir, journal, connect)).toEqual({ undone: ['node-1: uncordon'], left: [] });
  expect(open()).toEqual(['cluster']);
  expect(await restoreLeft(dir, journal, away)).toEqual({ undone: [], left: [] });
});

it('does not wait for ever for a cluster that says nothing', async () => {
  vi.useFakeTimers();
  const { journal, open } = cordoned();
  const never = restoreLeft(dir, journal, () => new Promise(() => undefined));
  await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
  await vi.advanceTimersByTimeAsync(61_000);
  expect((await never).left).toEqual([
    expect.stringMatching(/^node-1: uncordon: not taken back within 60 s; run proofload heal /),
  ]);
  expect(open()).toEqual(['restore', 'cluster']);
});
