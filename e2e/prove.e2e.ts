/**
 * A check that was never seen to fail does not exist. Each defect of the reference system turns exactly the checks red that it
 * concerns, in a running system; the healthy system and the undisturbed control stay green three times out of three.
 */
import { describe, expect, it } from 'vitest';
import { EXIT } from '../record/model.ts';
import { judgedRun, type JudgedRun, red } from './proofload.ts';

/** Defect -> the checks that must fail, and what the accusation must name. */
const TABLE: [defect: string, red: string[], names: RegExp][] = [
  ['ack-before-store', ['no-acknowledged-write-lost'], /load\/\d+:\d+.*pod-kill/s],
  ['drop-on-sigterm', ['no-acknowledged-write-lost'], /load\/\d+:\d+.*rollout/s],
  ['ignore-sigterm', ['stops-within-grace'], /luminate-/],
  ['ready-without-store', ['ready-only-while-serving'], /luminate-/],
  ['error-after-store', ['stored-once'], /load\/\d+:\d+/],
];

function failed(run: JudgedRun): string[] {
  return run.verdicts.filter((verdict) => verdict.verdict === 'fail').map((verdict) => verdict.check);
}

describe.each(TABLE)('defect %s', (defect, expected, names) => {
  it(`turns exactly ${expected.join(', ')} red`, async () => {
    const run = await judgedRun(['three-faults-60s', '--defect', defect]);
    expect(new Set(failed(run)), red(run).join('\n')).toEqual(new Set(expected));
    expect(run.exitCode).toBe(EXIT.fail);
    expect(run.verdicts.find((verdict) => verdict.verdict === 'fail')?.reason).toMatch(names);
    process.stderr.write(`${defect}:\n  ${red(run).join('\n  ')}\n`);
  });
});

it.each([1, 2, 3])('leaves the healthy system green, run %i of 3', async (seed) => {
  const run = await judgedRun(['three-faults-60s', '--seed', String(seed)]);
  expect(run.verdict, red(run).join('\n')).toBe('pass');
});

it.each([1, 2, 3])('leaves the undisturbed control quiet, run %i of 3', async (seed) => {
  const run = await judgedRun(['control', '--for', '60s', '--rate', '300', '--seed', String(seed)]);
  expect(run.verdict, red(run).join('\n')).toBe('pass');
});
