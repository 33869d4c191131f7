import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CHANGED_BY } from '../platforms/kubernetes/labels.ts';
import { memoryCluster } from '../platforms/kubernetes/testing.ts';
import type { Plan } from '../record/model.ts';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { RunWriter } from '../record/writer.ts';
import { healRun, restoreLeft } from './heal.ts';
import { isAbandoned, lockRun } from './lock.ts';
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

/** As a `kill -9` leaves it: logs that nobody redacted, a history that nobody closed, and the mark of a harness that is gone. */
function killed(plan: Partial<Plan>, ...logs: string[]): (name: string) => string {
  const writer = new RunWriter(dir, () => 0);
  writer.plan({ ...SAMPLE_PLAN, ...plan });
  writer.emit({ kind: 'run.started', runId: SAMPLE_PLAN.runId, wallMs: 1 });
  const file = (name: string) => path.join(dir, 'evidence', name);
  for (const name of logs) writeFileSync(file(name), 'started with hunter2-hunter2\n');
  writeFileSync(file('empty.log'), '');
  writeFileSync(path.join(dir, 'harness.json'), JSON.stringify({ pid: process.pid, startTicks: 1 }));
  return (name) => readFileSync(file(name), 'utf8');
}

it('leaves no log of a run that was killed before its secrets were taken out', async () => {
  const text = killed({ platform: 'local' }, 'luminate-a.log', 'store.log', 'k6-load.log');
  const healed = await healRun(dir);
  expect(healed.left).toEqual([]);
  expect(healed.undone).toEqual([
    'logs that were not redacted: evidence/k6-load.log, evidence/luminate-a.log, evidence/store.log',
  ]);
  for (const name of ['luminate-a.log', 'store.log', 'k6-load.log'])
    expect(text(name)).toMatch(/^\(removed: the harness of this run died /);
  expect(text('empty.log')).toBe('');
  expect(isAbandoned(dir)).toBe(false);
  expect(await healRun(dir)).toMatchObject({ undone: [], left: [] });
});

it('keeps the logs that came through the harness, and those of a run that was closed or goes on', async () => {
  const text = killed({ platform: 'kubernetes' }, 'web-0.log', 'k6-load.log');
  expect((await healRun(dir)).undone).toEqual(['logs that were not redacted: evidence/k6-load.log']);
  expect(text('web-0.log')).toContain('started');
  const runners = { count: 1, kind: 'job' as const };
  const inside = killed({ platform: 'kubernetes', runners }, 'k6-load-1.log');
  expect((await healRun(dir)).undone).toEqual([]);
  expect(inside('k6-load-1.log')).toContain('started');
  writeFileSync(path.join(dir, 'evidence', 'web-1.log'), 'closed');
  expect((await healRun(dir)).undone).toEqual([]);
  lockRun(dir);
  writeFileSync(path.join(dir, 'plan.json'), 'torn');
  expect((await healRun(dir)).undone).toEqual([]);
  expect(text('web-1.log')).toBe('closed');
});

it('keeps no log of a run whose plan cannot be read', async () => {
  const text = killed({ platform: 'kubernetes' }, 'web-0.log');
  writeFileSync(path.join(dir, 'plan.json'), '{"platform":"kuber');
  await healRun(dir);
  expect(text('web-0.log')).not.toContain('hunter2');
});
