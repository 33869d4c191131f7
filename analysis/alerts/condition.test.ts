/** What kind of condition each expression is, and which of them no deadline can be given for. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parsePromql } from '../rules/promql-parse.ts';
import { parseRuleFile } from '../rules/rule-file-read.ts';
import { conditionOf, lookBackMs } from './condition.ts';

const SCRAPE = { scrapeIntervalMs: 15_000, scrapeTimeoutMs: 10_000 };
const of = (text: string) => conditionOf(parsePromql(text), SCRAPE);

const ERRORS = 'sum(rate(w_total{s=~"5.."}[5m]))';
const ALL = 'sum(rate(w_total[5m]))';
const ratio = (threshold: number) => ({
  condition: { kind: 'ratio', windowMs: 300_000, threshold },
  of: 'requests',
});
const perSecond = (threshold: number) => ({ ...ratio(threshold), of: 'seconds' });

it.each([
  [`${ERRORS} / ${ALL} > 0.05`, ratio(0.05)],
  [`${ERRORS} / ${ALL} >= 0.05`, ratio(0.05)],
  [`0.05 < (${ERRORS}) / (${ALL})`, ratio(0.05)],
  [`100 * (${ERRORS} / ${ALL}) > 5`, ratio(0.05)],
  [`sum(rate(w_total{s="200"}[5m])) / ${ALL} < 0.75`, ratio(0.25)],
  [
    'sum by (namespace, s) (rate(w_total{s="500"}[5m])) / sum by (namespace) (rate(w_total[5m])) > 0.05',
    ratio(0.05),
  ],
  [`${ERRORS} > 10`, perSecond(10)],
  ['sum(increase(w_total[5m])) > 600', perSecond(2)],
  [
    'histogram_quantile(0.95, sum by (namespace, le) (rate(s_bucket[5m]))) > 0.5',
    { condition: { kind: 'quantile', windowMs: 300_000, quantile: 0.95 }, of: 'requests' },
  ],
  ['depth > 5', { condition: { kind: 'gauge' }, of: null, staleMs: 0 }],
  ['sum(used) / sum(size) > 0.9', { condition: { kind: 'gauge' } }],
  ['-depth{a="b"} / 1024 / 1024 < 3', { condition: { kind: 'gauge' } }],
  ['up{job="x"} == 0', { condition: { kind: 'target-down', scrapeTimeoutMs: 10_000 } }],
  ['count(up) < 3', { condition: { kind: 'target-down' } }],
  ['absent(up{job="x"})', { condition: { kind: 'gauge' }, of: null, staleMs: 45_000 }],
  ['absent(up{job="x"}) == 1', { condition: { kind: 'gauge' }, staleMs: 45_000 }],
])('%s', (text, expected) => {
  expect(of(text)).toMatchObject(expected);
});

it.each([
  ['changes(process_start_time_seconds[15m]) > 2', 'something else than one rate'],
  ['rate(w_total[5m]) > 10', 'a value for each series'],
  ['sum by (pod) (rate(w_total[5m])) > 10', 'a value for each pod'],
  ['sum without (s) (rate(w_total[5m])) > 10', 'other than s'],
  ['avg(rate(w_total[5m])) > 10', 'a value for each series'],
  ['sum(irate(w_total[5m])) > 10', 'something else'],
  ['rate(a_total[5m]) / rate(b_total[5m]) > 0.1', 'a value for each series'],
  [`${ERRORS} / sum(rate(w_total[10m])) > 0.05`, 'its two windows differ'],
  [`${ERRORS} / ${ALL} == 1`, '"=="'],
  ['sum(rate(a_total[5m])) / sum(rate(b_total[5m])) < 0.9', '"<"'],
  [`${ALL} < 1`, 'a rate "<" a number'],
  [`${ERRORS} / ${ALL} > 0.05 and ${ALL} > 1`, '"and"'],
  [`${ERRORS} / ${ALL}`, 'not compared'],
  [`${ERRORS} > ${ALL}`, 'not compared'],
  ['depth > bool 5', 'not compared'],
  ['job:errors:ratio5m > 0.05', 'job:errors:ratio5m is computed by another rule'],
  ['{job="x"} > 0.05', 'a selector without a name'],
  ['depth offset 5m > 5', 'another time than now'],
  ['max_over_time(depth[5m]) > 5', 'something else'],
  ['max_over_time(sum(rate(a_total[5m]))[1h:]) > 5', 'through a subquery'],
  ['time() - last_seconds > 5', 'time()'],
  ['histogram_quantile(0.95, sum by (le) (rate(s_bucket[5m]))) < 0.5', 'a quantile "<"'],
  ['histogram_quantile(0.95, sum by (le, pod) (rate(s_bucket[5m]))) > 0.5', 'each pod'],
  ['histogram_quantile(0.95, rate(s_bucket[5m])) > 0.5', 'a value for each series'],
  ['histogram_quantile(scalar(q), sum by (le) (rate(s_bucket[5m]))) > 0.5', 'quantile is computed'],
])('%s is not timed', (text, why) => {
  expect(of(text)).toEqual({ condition: null, why: expect.stringContaining(why) });
});

it('knows every alert of Luminate but that on restarts', () => {
  const file = path.join(import.meta.dirname, '../../systems/luminate/rules.yaml');
  const [group] = parseRuleFile(readFileSync(file, 'utf8'), file).groups;
  const kinds = group?.rules.map(
    ({ name, exprText }) => `${name}: ${of(exprText).condition?.kind ?? 'none'}`,
  );
  expect(kinds).toEqual([
    'LuminateDown: target-down',
    'LuminateAbsent: gauge',
    'LuminateWriteErrors: ratio',
    'LuminateQueryErrors: ratio',
    'LuminateQueriesSlow: quantile',
    'LuminateRejects: ratio',
    'LuminateRestarts: none',
  ]);
});

it.each([
  ['depth > 5', 0],
  [`${ERRORS} / sum(rate(w_total[10m])) > 0.05`, 600_000],
  ['max_over_time(sum(rate(a_total[5m]))[1h:30s]) > 5', 3_900_000],
  ['x offset 5m > 1', Infinity],
])('%s looks back %d ms', (text, backMs) => {
  expect(lookBackMs(parsePromql(text))).toBe(backMs);
});
