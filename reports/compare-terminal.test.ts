import { expect, it } from 'vitest';
import type { Comparison } from '../analysis/compare.ts';
import { SAMPLE_PLAN, sampleVerdictFile } from '../record/sample.ts';
import { renderComparison } from './compare-terminal.ts';

const run = { plan: SAMPLE_PLAN, file: sampleVerdictFile([]) };
const comparison: Comparison = {
  a: run,
  b: run,
  finding: 'worse',
  exitCode: 1,
  inputs: [{ input: 'seed', a: '42', b: null, ofFigures: false }],
  verdicts: [
    {
      id: 'quiet',
      a: 'pass',
      b: 'pass',
      change: 'unchanged',
      finding: 'not worse',
      reasonA: 'r',
      reasonB: 'r',
    },
    {
      id: 'no-lost-writes',
      a: 'pass',
      b: 'fail',
      change: 'worse',
      finding: 'worse',
      reasonA: 'none lost',
      reasonB: 'write \u001b[2J1:1 is lost',
    },
  ],
  figures: [
    {
      name: 'p99',
      unit: 'ms',
      a: 20,
      b: null,
      difference: null,
      ratio: null,
      change: 'cannot tell',
      finding: 'cannot tell',
      reason: 'not measured',
    },
    {
      name: 'CPU',
      unit: 'cores',
      a: 2,
      b: 3,
      difference: 1,
      ratio: 1.5,
      change: 'not judged',
      finding: null,
      reason: '',
    },
  ],
};
const options = { columns: 100, colour: false, directories: ['out/a', 'out/b'] as const, seed: 1 };

it('says what is worse first, then the inputs, then both verdicts and figures with their reasons', () => {
  const text = renderComparison(comparison, options);
  expect(text).toMatchInlineSnapshot(`
    "WORSE  B is worse than A: no-lost-writes

    A  out/a: inconclusive
       pod-loss; overlay one-machine; local (rehearsal: processes on one machine, not a cluster); 2
       CPUs, Example CPU; seed 42; proofload 0.1.0
    B  out/b: inconclusive
       pod-loss; overlay one-machine; local (rehearsal: processes on one machine, not a cluster); 2
       CPUs, Example CPU; seed 42; proofload 0.1.0

    INPUTS DIFFER: what changed below may come from them, not from the system
      seed: 42 -> none

    ┌───────────────────────────┬──────────────┬──────────────┬────────────────────────────────────────┐
    │ promise                   │ A            │ B            │ change                                 │
    ├───────────────────────────┼──────────────┼──────────────┼────────────────────────────────────────┤
    │ quiet                     │ pass         │ pass         │ unchanged                              │
    │ no-lost-writes            │ pass         │ fail         │ worse | A: none lost | B: write        │
    │                           │              │              │ \\u{1b}[2J1:1 is lost                   │
    └───────────────────────────┴──────────────┴──────────────┴────────────────────────────────────────┘

    ┌──────────────────┬──────────────┬──────────────┬──────────────────────┬──────────────────────────┐
    │ figure           │ A            │ B            │ B - A                │ more than noise?         │
    ├──────────────────┼──────────────┼──────────────┼──────────────────────┼──────────────────────────┤
    │ p99, ms          │ 20           │ not measured │ -                    │ cannot tell: not         │
    │                  │              │              │                      │ measured                 │
    │ CPU, cores       │ 2            │ 3            │ +1 (x 1.50)          │ not judged               │
    └──────────────────┴──────────────┴──────────────┴──────────────────────┴──────────────────────────┘

    Figures outside fault windows: 99 % intervals of the difference B - A, 1000 resamples of blocks of 5
    s or more, seed 1. They hold the noise within each run; the margin stands for that between runs.
    What has no interval is not judged.
    exit code 1
    "
  `);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
});

it('paints the words, and obeys nothing that a reason brings', () => {
  const painted = renderComparison(comparison, { ...options, colour: true });
  expect(painted).toContain('\u001b[31mworse\u001b[39m');
  expect(painted).not.toContain('\u001b[2J');
});

it('says that equal inputs are equal', () => {
  expect(renderComparison({ ...comparison, inputs: [] }, options)).toContain('inputs: the same in both');
});
