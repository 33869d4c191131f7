import { expect, it } from 'vitest';
import { blindEvent, firedEvent, ruleOf, STARTED, watchedView } from '../analysis/alerts/testing-run.ts';
import type { Event } from '../record/model.ts';
import { judge, options } from './alerts-silent.ts';

const ask = (prometheus: Event[], except?: string[]) =>
  judge(watchedView({ prometheus }), options.parse(except ? { except } : {}));
const other = (change: Parameters<typeof ruleOf>[0] = {}) => ruleOf({ alert: 'Other', ...change });
const errors = [ruleOf(), firedEvent('Errors', 24_000, 37_500)];

it('passes alerts that were watched for long enough and did not fire', () => {
  expect(
    ask([STARTED, ...errors, other(), other({ alert: 'Third', expr: 'depth > 5' })], ['Errors']),
  ).toMatchObject({
    verdict: 'pass',
    reason: '2 alerts were watched for as long as they take to fire, and none did.',
  });
});

it('fails on every alert that fired, with its times and labels', () => {
  const pods = ['a', 'b'].map((pod) => ({ alertname: 'Other', pod }));
  expect(ask([STARTED, ...errors, other(), firedEvent('Other', 50_000, null, pods)])).toMatchObject({
    verdict: 'fail',
    observed: { value: 2 },
    reason:
      'Errors fired from 24.0 s to 37.5 s {severity="critical"}; Other fired from 50.0 s to the end of the watch {pod="a"}; {pod="b"}.',
  });
});

it('does not pass over a firing whose rule is not on record, or that began before it was watched', () => {
  expect(ask([STARTED, other(), firedEvent('Flappy', 30_000, 31_000)])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('Flappy: it fired, and its rule is not on record'),
  });
  const late = other({ watchedMs: [10_400, 63_900] });
  expect(ask([STARTED, late, firedEvent('Other', 9_000, 11_000)])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('before it was watched'),
  });
});

it('names the first ten of many', () => {
  const many = Array.from({ length: 12 }, (_, i) =>
    firedEvent('Errors', 24_000 + i * 2_000, 25_000 + i * 2_000),
  );
  expect(ask([STARTED, ruleOf(), ...many]).reason).toMatch(/; and 2 more\.$/);
});

it.each([
  [
    'one that cannot be evaluated',
    [other({ health: 'err', lastError: 'many-to-many' })],
    'Other: the rule cannot be evaluated: many-to-many',
  ],
  ['one that was never evaluated', [other({ health: 'unknown' })], 'never evaluated'],
  ['one watched too briefly', [other({ forMs: 60_000 })], 'was watched for 63700 ms only'],
  [
    'one that looks back without end',
    [other({ expr: 'x offset 1d > 5' })],
    'how far back its expression looks is not known',
  ],
  ['one that is not read', [other({ expr: 'x >' })], 'how far back its expression looks is not known'],
  [
    'a watch that ended early',
    [other({ watchedMs: [200, 40_000] })],
    'was watched from 0.2 s to 40.0 s, and the load ran from 6.0 s to 61.0 s',
  ],
  ['a watch that began late', [other(), blindEvent('nobody looked', 100, 9_000)], 'was watched from 9.0 s'],
  ['a restart', [other(), blindEvent('Prometheus restarted', 30_000, 31_000)], 'Prometheus restarted'],
  ['missed scrapes', [other(), blindEvent('missed scrapes', 30_000, 31_000, 'up 0')], 'missed scrapes'],
])('does not pass over %s', (_, events, why) => {
  expect(ask([STARTED, ...events])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining(why),
  });
  // A firing that was seen stays one.
  expect(ask([STARTED, ...events.filter(({ kind }) => kind === 'alert.rule'), ...errors])).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('Errors fired from'),
  });
});

it('lets the watch begin when there is something to see', () => {
  expect(ask([STARTED, other(), blindEvent('missed scrapes', 0, 900, 'up 0')]).verdict).toBe('pass');
});

it('takes failed scrapes for what they are where a rule is about them', () => {
  const failed = blindEvent('missed scrapes', 30_000, 31_000, 'up 0 of web-1');
  expect(ask([STARTED, other({ expr: 'up == 0', forMs: 9_000 }), failed]).verdict).toBe('pass');
});

it('says nothing of no alerts, and refuses names that are none', () => {
  expect(ask([STARTED])).toMatchObject({
    verdict: 'inconclusive',
    reason: 'no alert was read back from Prometheus.',
  });
  expect(ask([STARTED, ...errors], ['Errors'])).toMatchObject({
    verdict: 'inconclusive',
    reason: 'every alert of the rules is excepted.',
  });
  expect(ask([STARTED, ...errors], ['Error'])).toMatchObject({
    verdict: 'invalid',
    reason: '"Error" of except is no alert of the rules, did you mean "Errors"? (Errors).',
  });
  expect(ask([]).verdict).toBe('invalid');
});

it('does not excuse scrapes that fail where a rule is about targets and something else', () => {
  const failed = blindEvent('missed scrapes', 30_000, 31_000, 'up 0: web-1');
  for (const expr of ['(up == 0) + on () depth > 5', '(depth > 5) unless on () (up == 0)'])
    expect(ask([STARTED, other({ expr }), failed]).verdict).toBe('inconclusive');
});

it('names a firing also where it cannot be held against anybody', () => {
  const events = [other(), firedEvent('Other', 30_500, 40_000), blindEvent('missed scrapes', 30_000, 31_000)];
  expect(ask([STARTED, ...events])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining(
      'Other: it fired at 30500..30501 ms, and missed scrapes at 30000..31000 ms',
    ),
  });
});
