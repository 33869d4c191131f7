/** Unit tests made from rules: which series, which levels, what is not understood, and what the answers mean. */
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseRuleFile } from '../rules/rule-file-read.ts';
import { NotUnderstood } from './input.ts';
import { virtualTest, type VirtualTest } from './virtual.ts';
import { verdictOf } from './virtual-verdict.ts';

function made(expr: string, rest: object = {}): VirtualTest {
  const text = stringify({
    groups: [{ name: 'g', interval: '15s', rules: [{ alert: 'A', expr, ...rest }] }],
  });
  const rule = parseRuleFile(text, 'x.yaml').groups[0]?.rules[0];
  if (!rule?.expr) throw new Error('no rule');
  const read = { ...rule, expr: rule.expr };
  return virtualTest(read, { keepFiringForMs: 0, scrapeIntervalMs: 15_000 });
}

/** Series of the first case, each with its last value below and its first one above the threshold, or their slope. */
function series(expr: string): string[] {
  return (made(expr).test.cases[0]?.series ?? []).map((one) => one.series);
}

it.each([
  ['up{job="a"} == 0', 1, 0],
  ['up != 1', 1, 0],
  ['queue > 100', 99, 101],
  ['queue >= 100', 99, 101],
  ['100 < queue', 99, 101],
  ['free < 10', 10.1, 9.9],
  ['free <= 0.5', 0.505, 0.495],
  ['rate(x_total[5m]) > 0', 0, 0.01],
  ['temperature < -10', -9.9, -10.1],
  ['queue > 2 * 1024', 2027.52, 2068.48],
])('%s: silent at %d, firing at %d', (expr, silent, firing) => {
  const { levels } = made(expr);
  expect(levels?.silent).toBeCloseTo(silent, 9);
  expect(levels?.firing).toBeCloseTo(firing, 9);
});

it('makes the series that the matchers and groupings need', () => {
  expect(series('up{job=~"api|web", env!="test", zone!~"x.*", pod!=""} == 0')).toEqual([
    'up{job="api",pod="a"}',
  ]);
  expect(
    series('sum by (ns) (rate(x_total{code=~"5.."}[5m])) / sum by (ns) (rate(x_total[5m])) > 0.1'),
  ).toEqual(['x_total{code="500",ns="a"}', 'x_total{ns="a"}']);
  expect(series('rate(a_total[5m]) / rate(b_total[5m]) > 0.1')).toEqual(['a_total{}', 'b_total{}']);
  expect(series('(total - free) / total > 0.9')).toEqual(['free{}', 'total{}']);
  expect(series('absent(up{job="a"})')).toEqual(['up{job="a"}']);
});

it('puts all requests of a histogram into one narrow bucket around the value', () => {
  const [low, high, lower, upper, all] = series(
    'histogram_quantile(0.9, sum by (le) (rate(s_bucket[5m]))) > 1',
  );
  expect([low, high, lower, upper, all]).toEqual([
    's_bucket{le="0.989109"}',
    's_bucket{le="0.990099"}',
    's_bucket{le="1.009091"}',
    's_bucket{le="1.010101"}',
    's_bucket{le="+Inf"}',
  ]);
  // What the program behind the metric would export; the expression looks at another name.
  expect(series('histogram_quantile(0.9, s) > 1')[0]).toMatch(/^s_bucket\{/);
});

it('plays a counter as a line, a gauge as steps, an absent series with a marker, and a missed scrape as none', () => {
  const values = (expr: string, number: number) => {
    const [one] = made(expr).test.cases[number]?.series ?? [];
    return (one?.values ?? '').split(' ');
  };
  const steps = values('queue > 100', 0);
  expect(new Set(steps)).toEqual(new Set(['99', '101']));
  expect(steps.slice(0, 1)).toEqual(['99']);
  const [first = '', second = ''] = values('rate(x_total[5m]) > 100', 1);
  expect(Number(second) - Number(first)).toBeCloseTo(99 * 15, 6);
  expect(values('absent(up)', 0).filter((value) => value === 'stale')).toHaveLength(1);
  expect(values('queue > 100', 2).filter((value) => value === '_')).toHaveLength(2);
});

it.each([
  ['a > b', /neither of which is a number/],
  ['queue > bool 5', /not compared/],
  ['queue', /not compared/],
  ['count(up == 0) > 2', /count/],
  ['rate(x_total[5m] offset 1h) > 1', /offset 1h/],
  ['errors_total > 10', /only grows/],
  ['histogram_quantile(0.9, s_bucket) > 1', /all of the life/],
  ['histogram_quantile(0.9, rate(s_bucket[5m])) < 0', /above zero/],
  ['rate(x_total[5m]) < 0', /below zero/],
  ['changes(x[5m]) > 2', /changes/],
  ['x{a="1",a="2"} > 1', /no value of a/],
  ['{job="a"} > 1', /without a name/],
  ['rate(x_total{code="5"}[5m]) / rate(x_total{code="5"}[5m]) > 0.5', /nothing tells its part|two values/],
  ['sum(rate(x_total{code="5"}[5m])) / sum(rate(x_total[5m])) > 5', /more than the whole/],
  ['a ^ b > 1', /turned round/],
  ['increase(x_total[90d]) > 1', /scrapes/],
  ['absent(sum(up))', /absent\(\) of an expression/],
])('does not understand %s, and says so', (expr, why) => {
  expect(() => made(expr)).toThrow(NotUnderstood);
  expect(() => made(expr)).toThrow(why);
});

it('keeps the rule as it is, and its own numbers', () => {
  const { test } = made('queue > 100', { for: '5m' });
  expect(test).toMatchObject({
    evaluationIntervalMs: 15_000,
    rule: { expr: 'queue > 100', for: '300000ms', keep_firing_for: '0ms' },
  });
  const ids = test.cases.flatMap(({ expectations }) => expectations.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
});

it.each<[Record<string, number | null>, string, RegExp]>([
  [{}, 'holds', /^$/],
  [{ 'value-above': -1, 'value-below': -1, fires: 0 }, 'fails', /no value at all/],
  [{ 'value-above': 0 }, 'not-tested', /another value/],
  [{ 'value-above': -1, 'value-below': 0 }, 'not-tested', /another value/],
  [{ 'value-below': null }, 'not-tested', /another value/],
  [{ healthy: 1 }, 'fails', /below its threshold/],
  [{ 'not-before-for': 1 }, 'fails', /as long as for says/],
  [{ fires: 0 }, 'fails', /does not fire/],
  [{ 'keeps-firing': 0 }, 'fails', /keep firing/],
  [{ resolves: 1 }, 'fails', /does not resolve/],
  [{ silent: 1 }, 'fails', /below its threshold/],
  [{ 'fires-over-a-gap': 0, 'fires-on-over-a-gap': 3 }, 'fails', /keeps it from firing; it fires no more/],
  [{ 'something-else': 0 }, 'not-tested', /something-else/],
])('reads the answers %o as %s', (answers, verdict, why) => {
  const found = verdictOf(new Map(Object.entries(answers)));
  expect(found.verdict).toBe(verdict);
  expect(found.why).toMatch(why);
});
