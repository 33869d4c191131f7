import { expect, it } from 'vitest';
import { type GroupLook, leftOut, type Look } from './looks.ts';

const toRunMs = (wallMs: number) => wallMs - 1_000_000;

function rule(name: string, rest: Partial<GroupLook['rules'][number]> = {}): GroupLook['rules'][number] {
  return {
    type: 'alerting',
    name,
    query: 'x > 1',
    duration: 0,
    keepFiringFor: 0,
    labels: {},
    health: 'ok',
    lastError: '',
    evaluationTime: 0.001,
    lastEvaluation: '',
    ...rest,
  };
}

function at(atMs: number, group: Partial<GroupLook> = {}, startTime = '2026-11-21T10:00:00Z'): Look {
  const evaluatedMs = 1_000_000 + atMs - 100;
  const rules = [rule('A'), rule('B')];
  return {
    atMs,
    startTime,
    groups: [
      {
        name: 'g',
        file: 'rules.yaml',
        interval: 1,
        evaluationTime: 0.002,
        lastEvaluation: '',
        rules,
        missed: 0,
        failures: 0,
        evaluatedMs,
        ...group,
      },
    ],
  };
}

it('finds nothing where nothing was left out, also between looks that lie apart', () => {
  expect(leftOut(at(5_000), at(6_000), toRunMs)).toEqual([]);
  expect(
    leftOut(at(5_000, { missed: 3, failures: 2 }), at(60_000, { missed: 3, failures: 2 }), toRunMs),
  ).toEqual([]);
});

it('names the evaluations around those that were left out, for every alert of the group', () => {
  const span = { what: 'missed evaluations', fromMs: 4_900, toMs: 8_900, detail: 'group g left out 3' };
  expect(leftOut(at(5_000), at(9_000, { missed: 3 }), toRunMs)).toEqual([
    { ...span, alert: 'A' },
    { ...span, alert: 'B' },
  ]);
});

it('names the rule that cannot be evaluated, and all where it is not known which', () => {
  const rules = [rule('A'), rule('B', { health: 'err', lastError: 'many-to-many' })];
  expect(leftOut(at(5_000), at(6_000, { failures: 1, rules }), toRunMs)).toEqual([
    { what: 'missed evaluations', alert: 'B', fromMs: 4_900, toMs: 5_900, detail: 'many-to-many' },
  ]);
  expect(leftOut(at(5_000), at(6_000, { failures: 1 }), toRunMs).map(({ alert }) => alert)).toEqual([
    'A',
    'B',
  ]);
});

it('leaves the alerts alone where a recording rule fails', () => {
  const rules = [rule('A'), rule('r', { type: 'recording', health: 'err', lastError: 'no' })];
  expect(leftOut(at(5_000), at(6_000, { failures: 1, rules }), toRunMs)).toEqual([]);
});

it('says that it is another process, whatever the counters say', () => {
  expect(leftOut(at(5_000, { missed: 9 }), at(9_000, {}, '2026-11-21T10:05:00Z'), toRunMs)).toEqual([
    expect.objectContaining({ what: 'Prometheus restarted', fromMs: 5_000, toMs: 9_000 }),
  ]);
});
