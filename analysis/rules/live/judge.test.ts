/** What follows from answers, and what does not follow from a lack of them. */
import { fc, it as property } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { parsePromql } from '../promql-parse.ts';
import { parseRuleFile } from '../rule-file-read.ts';
import { ruleSet } from '../set.ts';
import { judgeLive, merged } from './judge.ts';
import type { LoadedRule } from './live.ts';
import { measuredText } from './query-text.ts';
import { findings, found, judgedIn, type World } from './testing.ts';

const SHOP: World = {
  series: [
    'up{job="shop"}',
    'requests_total{method="GET",code="200"}',
    'requests_total{method="POST",code="500"}',
    'queue{shard="a"}',
    'limits{shard="a",tier="x"}',
    'answer_seconds_bucket{le="0.1"}',
    'answer_seconds_bucket{le="10"}',
    'answer_seconds_bucket{le="+Inf"}',
  ],
  types: {
    requests_total: ['counter'],
    queue: ['gauge'],
    limits: ['gauge'],
    orders: ['counter'],
    sizes: ['summary'],
    declared_total: ['counter'],
    torn: ['counter', 'gauge'],
  },
  answers: { 'count(queue > 100)': 0 },
};

describe('a metric that is not there', () => {
  it.each([
    ['sum(rate(request_total[5m])) > 1', ['metric-absent error']],
    ['rate(requests_total[5m]) > 1', []],
    // Declared and without a series, a count of failures, another rule's, Prometheus' own: none is an error.
    ['rate(declared_total[5m]) > 1', ['metric-absent info']],
    ['rate(worker_panics_total[5m]) > 1', ['metric-absent info']],
    ['ALERTS{alertname="A"} > 0', []],
    // A name that is like it, and that nobody else uses: renamed, perhaps.
    ['rate(request_errors_total[5m]) > 1', ['metric-absent info']],
    // Not needed for a result.
    ['queue > 100 or nothing > 1', ['metric-absent warning']],
    ['queue > 100 unless nothing > 1', ['metric-absent warning']],
    ['absent(nothing)', ['metric-absent warning']],
  ])('%s', (expr, expected) => {
    expect(found(SHOP, expr)).toEqual(expected);
  });

  it('names the nearest, those first that no rule names', () => {
    const world = { ...SHOP, series: [...SHOP.series, 'write_requests_seen_total', 'writes_total'] };
    const text = JSON.stringify({
      groups: [
        {
          name: 'g',
          rules: [
            { alert: 'A', expr: 'rate(write_requests_total[5m]) > 1' },
            { alert: 'B', expr: 'rate(write_requests_seen_total[5m]) > 1' },
          ],
        },
      ],
    });
    const [finding] = judgedIn(world, text).findings;
    expect(finding).toMatchObject({
      rule: 'metric-absent',
      severity: 'error',
      file: 'x.yaml',
      object: 'alert A',
    });
    expect(finding?.fix).toMatch(/Nearest names there: (writes_total|requests_total)/);
    expect(finding?.fix).not.toContain('write_requests_seen_total');
  });

  it('is a failure that a renamed metric counts, as long as nothing else is known', () => {
    const world = { ...SHOP, series: [...SHOP.series, 'insert_failures_total'] };
    const [finding] = findings(world, 'rate(insert_errors_total[5m]) > 1');
    expect(finding).toMatchObject({ rule: 'metric-absent', severity: 'warning' });
    expect(finding?.fix).toContain('insert_failures_total');
  });

  it('may be exported by a target that is down', () => {
    const [finding] = findings({ ...SHOP, unscraped: ['shop 10.0.0.1:80'] }, 'nothing > 1');
    expect(finding).toMatchObject({
      severity: 'warning',
      why: expect.stringContaining('shop 10.0.0.1:80') as string,
    });
  });

  it('is none of the data where a rule of the set records it', () => {
    const rules = [
      { record: 'a:b', expr: 'sum(queue)' },
      { alert: 'A', expr: 'a:b > 100' },
    ];
    const { findings: all } = judgedIn(SHOP, JSON.stringify({ groups: [{ name: 'g', rules }] }));
    expect(all.map(({ rule, severity }) => `${rule} ${severity}`)).toEqual(['metric-absent info']);
  });
});

describe('a matcher that matches nothing', () => {
  it.each([
    ['rate(requests_total{method="get"}[5m]) > 1', ['matcher-absent error'], 'GET'],
    ['rate(requests_total{status="500"}[5m]) > 1', ['matcher-absent error'], 'no'],
    ['rate(requests_total{method="PATCH"}[5m]) > 1', ['matcher-absent warning'], '"GET", "POST"'],
    ['rate(requests_total{code=~"20"}[5m]) > 1', ['matcher-anchored error'], '.*20.*'],
    ['absent(up{job="shoop"})', ['matcher-absent warning'], 'fires all the time'],
    [
      'rate(requests_total{method="GET", code="500"}[5m]) > 1',
      ['matcher-absent warning'],
      'each matcher by itself',
    ],
    // Appears with the first failure; or with whatever is not ordinary.
    ['rate(requests_total{code=~"50[34]"}[5m]) > 1', ['matcher-absent info'], 'failures'],
    ['rate(requests_total{code!~"200|500"}[5m]) > 1', ['matcher-absent info'], 'other values'],
    ['rate(requests_total{code=~"5.."}[5m]) > 1', [], ''],
  ])('%s', (expr, expected, says) => {
    expect(found(SHOP, expr)).toEqual(expected);
    expect(
      findings(SHOP, expr)
        .map(({ why, fix }) => `${why} ${fix}`)
        .join(),
    ).toContain(says);
  });

  it('is found where it stands', () => {
    expect(findings(SHOP, 'queue > 100 and on () nothing > 1')[0]).toMatchObject({ line: 1 });
    const at = (expr: string) => findings(SHOP, expr)[0]?.column ?? 0;
    expect(at('0 + nothing > 1') - at('nothing > 1')).toBe(4);
  });
});

describe('types', () => {
  it.each([
    ['rate(queue[5m]) > 1', ['rate-of-gauge warning']],
    ['delta(requests_total[5m]) > 1', ['delta-of-counter warning']],
    ['sum(requests_total) > 1', ['counter-threshold warning']],
    ['sum(requests_total) > 1 and queue > 100', []],
    ['histogram_quantile(0.9, rate(queue[5m])) > 1', ['rate-of-gauge warning', 'histogram-no-bucket error']],
    ['delta(queue[5m]) > 1', []],
    // Two targets say two things: nothing is known.
    ['rate(torn[5m]) > 1', []],
  ])('%s', (expr, expected) => {
    const world = { ...SHOP, series: [...SHOP.series, 'torn'] };
    const own = found(world, expr).filter((one) => !one.startsWith('join'));
    expect(own.toSorted()).toEqual(expected.toSorted());
  });
});

describe('joins', () => {
  const meeting = 'count((queue) * (limits))';
  it.each([
    [{ [meeting]: 0 }, ['join-label error']],
    [{ [meeting]: 1 }, []],
    // Nobody knows: no finding, and it is said that it was not judged.
    [{ [meeting]: null }, []],
    [{ [meeting]: 'many-to-many' }, []],
  ])('%o', (answers, expected) => {
    expect(found({ ...SHOP, answers }, 'queue * limits > 5')).toEqual(expected);
  });

  it('says what keeps them apart', () => {
    const [finding] = findings({ ...SHOP, answers: { [meeting]: 0 } }, 'queue * limits > 5');
    expect(finding?.why).toContain('the left has no tier');
  });

  it('asks for the sides without their conditions, and of nothing where one side is not there', () => {
    const expr = 'queue > 100 and on (shard) limits > 5';
    expect(found({ ...SHOP, answers: { 'count(((queue)) and on (shard) ((limits)))': 0 } }, expr)).toEqual([
      'join-label error',
    ]);
    expect(
      found({ ...SHOP, answers: { 'count((absent(queue)) * (limits))': 0 } }, 'absent(queue) * limits > 5'),
    ).toEqual([]);
  });
});

describe('thresholds', () => {
  const quantile = 'histogram_quantile(0.9, sum by (le) (rate(answer_seconds_bucket[5m])))';
  it.each([
    [`${quantile} > 20`, ['threshold-out-of-reach error']],
    [`${quantile} > 10`, ['threshold-out-of-reach error']],
    [`${quantile} >= 10`, []],
    [`${quantile} > 5`, []],
    [`1000 * ${quantile} > 5000`, []],
    [`1000 * ${quantile} > 20000`, ['threshold-out-of-reach error']],
    [`${quantile} < 20`, []],
  ])('%s', (expr, expected) => {
    expect(found(SHOP, expr)).toEqual(expected);
  });

  it('are far above everything there was', () => {
    const most = (value: number | null) => ({ ...SHOP, answers: { 'max(queue)': value ?? 0 } });
    expect(found(most(5), 'queue > 6000')).toEqual(['threshold-out-of-reach info']);
    expect(found(most(5), 'queue > 4000')).toEqual([]);
    // Nothing has happened yet; a queue that was empty says nothing.
    expect(found(most(0), 'queue > 6000')).toEqual([]);
    const cache = { ...SHOP, series: ['cache_seconds'], answers: { 'max(cache_seconds)': 0.02 } };
    expect(found(cache, 'cache_seconds > 500')).toEqual(['threshold-out-of-reach warning']);
    expect(found(cache, 'time() - cache_seconds > 500')).toEqual([]);
  });

  it('of a ratio that is always 1', () => {
    const expr = 'queue / limits > 0.5';
    const whole = (max: number, min: number) => ({
      ...SHOP,
      answers: { 'max(queue / limits)': max, 'min(queue / limits)': min, 'count((queue) / (limits))': 1 },
    });
    expect(found(whole(1, 1), expr)).toEqual(['self-ratio warning']);
    expect(found(whole(1, 0.2), expr)).toEqual([]);
    expect(found(whole(1, 1), 'queue / limits < 0.5')).toEqual([]);
  });

  it('are passed at this moment', () => {
    const world = { ...SHOP, answers: { 'count(queue > 1)': 1 } };
    expect(found(world, 'queue > 1')).toEqual(['true-now warning']);
    expect(findings(world, 'queue > 1')[0]?.why).toMatch(/Assumed: nothing is wrong at this moment/);
    expect(found(SHOP, 'vector(1) > 0')).toEqual([]);
  });
});

describe('what Prometheus says itself', () => {
  it('refuses an expression, and notes on it', () => {
    expect(found({ ...SHOP, answers: { 'queue > 100': 'many-to-many matching' } }, 'queue > 100')).toEqual([
      'query-fails error',
    ]);
    const notes = {
      warnings: ['PromQL warning: bucket (1:9)'],
      infos: ['PromQL info: might not be a counter'],
    };
    const noted = findings({ ...SHOP, notes }, 'queue > 100');
    expect(noted.map(({ rule, severity }) => `${rule} ${severity}`)).toEqual([
      'query-notes warning',
      'query-notes info',
    ]);
    expect((noted[0]?.column ?? 0) - (noted[1]?.column ?? 0)).toBe(8);
  });

  it('does not repeat of a counter that its name does not look like one', () => {
    const infos = ['PromQL info: metric might not be a counter, name does not end in _total: "orders" (1:6)'];
    const world = { ...SHOP, series: ['orders', 'guests'], notes: { infos } };
    expect(found(world, 'rate(orders[5m]) > 1')).toEqual([]);
    const other = { ...world, notes: { infos: [infos[0]?.replace('orders', 'guests') ?? ''] } };
    expect(found(other, 'rate(guests[5m]) > 1')).toEqual(['query-notes info']);
  });

  it('knows a rule otherwise, or not at all, or cannot evaluate it', () => {
    const text = JSON.stringify({
      groups: [
        {
          name: 'g',
          rules: [
            { alert: 'A', expr: 'queue >   100', for: '1m', labels: { severity: 'page' } },
            { record: 'a:b', expr: 'sum(queue)' },
          ],
        },
      ],
    });
    const a: LoadedRule = {
      group: 'g',
      kind: 'alert',
      name: 'A',
      expr: 'queue > 100',
      forMs: 60_000,
      keepFiringForMs: 0,
      labels: { severity: 'page' },
      health: 'ok',
      lastError: '',
    };
    const b: LoadedRule = { ...a, kind: 'record', name: 'a:b', expr: 'sum(queue)', forMs: 0, labels: {} };
    const of = (...loaded: LoadedRule[]) =>
      judgedIn({ ...SHOP, loaded }, text).findings.map(({ rule, severity }) => `${rule} ${severity}`);
    expect(of(a, b)).toEqual([]);
    expect(of()).toEqual(['rule-not-loaded info', 'rule-not-loaded info']);
    expect(of(a)).toEqual(['rule-not-loaded warning']);
    expect(of({ ...a, expr: 'queue > 200' }, b)).toEqual(['rule-differs warning']);
    expect(of({ ...a, forMs: 1 }, b)).toEqual(['rule-differs warning']);
    expect(of({ ...a, keepFiringForMs: 1 }, b)).toEqual(['rule-differs warning']);
    expect(of({ ...a, labels: {} }, b)).toEqual(['rule-differs warning']);
    expect(of({ ...a, forMs: 1 }, a, b)).toEqual([]);
    expect(of({ ...a, health: 'err', lastError: 'many-to-many' }, b)).toEqual(['rule-unhealthy error']);
  });
});

it('finds nothing in silence: without any answer there are questions and no findings, and it says what it could not ask', () => {
  const text = JSON.stringify({
    groups: [{ name: 'g', rules: [{ alert: 'A', expr: 'rate(x[5m]) / y > 5' }] }],
  });
  const set = ruleSet([parseRuleFile(text, 'x.yaml')], null);
  const known = { names: new Set<string>(), types: new Map<string, string[]>(), loaded: [], unscraped: [] };
  const first = judgeLive(set, known, new Map());
  expect(first.findings.map(({ rule }) => rule)).toEqual(['rule-not-loaded']);
  expect(first.open.size).toBeGreaterThan(2);
  const silence = new Map(
    [...first.open.keys()].map((key) => [key, { kind: 'unanswered' as const, why: 'too late' }]),
  );
  const last = judgeLive(set, known, silence);
  expect(last.findings.map(({ rule }) => rule)).toEqual(['rule-not-loaded']);
  expect(last.open.size).toBe(0);
  expect(last.unanswered).toEqual([{ file: 'x.yaml', line: 1, object: 'alert A', why: 'too late' }]);
});

it('says once what both halves find, as bad as the worse of them', () => {
  const one = {
    rule: 'r',
    title: 't',
    severity: 'warning',
    file: 'f',
    line: 2,
    column: 1,
    object: 'o',
    why: 'text',
    fix: '',
  } as const;
  const live = { ...one, why: 'live' };
  expect(merged([one], [live])).toEqual([live]);
  expect(merged([{ ...one, severity: 'error' }], [live])).toEqual([{ ...live, severity: 'error' }]);
  expect(merged([one], [{ ...live, line: 1 }]).map(({ line }) => line)).toEqual([1, 2]);
});

const leaf = fc.constantFrom(
  'x',
  'y{a="b"}',
  'rate(z_total[5m])',
  '(x > 3)',
  'sum by (a) (x)',
  '-x',
  '(1 < x)',
);
const tree = fc.letrec<{ expr: string }>((tie) => ({
  expr: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc
      .tuple(tie('expr'), fc.constantFrom('+', '/', '> bool', 'and'), tie('expr'))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
    tie('expr').map((a) => `max((${a}) > 5) # limit\n`),
  ),
})).expr;

property.prop([tree], { seed: 7, numRuns: 300 })(
  'a part without its conditions is PromQL, and has none',
  (expr) => {
    const text = measuredText(parsePromql(expr), expr);
    expect(() => parsePromql(text)).not.toThrow();
    expect(text.replaceAll('> bool', '')).not.toMatch(/[<>]/);
  },
);

it('takes nothing for absent that only a part of the data was asked for', () => {
  const partial = { ...SHOP, notes: { warnings: ['store a: connection refused'] }, partial: true };
  const text = JSON.stringify({ groups: [{ name: 'g', rules: [{ alert: 'A', expr: 'nothing > 1' }] }] });
  const { findings: all, unanswered } = judgedIn(partial, text);
  expect(all.map(({ rule }) => rule)).toEqual(['query-notes']);
  expect(unanswered).toMatchObject([{ object: 'alert A', why: expect.stringContaining('store a') }]);
});
