/**
 * A check that was never seen to fail does not exist. Each defect of the reference system turns exactly the checks red that it
 * concerns, in a running system; the healthy system and the undisturbed control stay green (three times out of three in `make e2e-full`).
 */
import { describe, expect, it } from 'vitest';
import { defectRun, expectFound, expectHeld, FULL, judgedRun, red } from './proofload.ts';

/** Defect -> the one check that must fail, what it must name, and for losses the only window they may fall into. */
const TABLE: [defect: string, check: string, names: RegExp, onlyIn?: string][] = [
  ['ack-before-store', 'no-acknowledged-write-lost', /load\/\d+:\d+ /, 'pod-kill'],
  ['drop-on-sigterm', 'no-acknowledged-write-lost', /load\/\d+:\d+ /, 'rollout'],
  ['ignore-sigterm', 'stops-within-grace', /luminate-\S+ .*luminate-\S+ .*luminate-/],
  ['ready-without-store', 'ready-only-while-serving', /luminate-\S+ .*luminate-\S+ .*luminate-/],
  ['error-after-store', 'stored-once', /load\/\d+:\d+ /],
];

/** "acknowledged: rollout: 0, pod-kill: 52, outside: 0." -> the windows with losses. */
function windowsWithLosses(reason: string): string[] {
  return [...reason.matchAll(/([a-z-]+): (\d+)(?=[,.])/g)]
    .filter(([, , count]) => Number(count) > 0)
    .map(([, name]) => name ?? '');
}

describe.each(TABLE)('defect %s', (defect, check, names, onlyIn) => {
  it(`turns exactly ${check} red`, async () => {
    const run = await defectRun(['three-faults-60s'], defect, [check]);
    const { reason } = expectFound(run, [check]);
    expect(reason).toMatch(names);
    if (onlyIn !== undefined) expect(windowsWithLosses(reason), reason).toEqual([onlyIn]);
    process.stderr.write(`${defect}:\n  ${red(run).join('\n  ')}\n`);
  });
});

it.each(FULL ? [1, 2, 3] : [1])('leaves the healthy system green, seed %i', async (seed) => {
  const run = await judgedRun(['three-faults-60s', '--seed', String(seed)]);
  expectHeld(run);
});

it.each(FULL ? [1, 2, 3] : [1])('leaves the undisturbed control quiet, seed %i', async (seed) => {
  const run = await judgedRun(['control', '--for', '60s', '--rate', '300', '--seed', String(seed)]);
  expectHeld(run);
});
