/** Each rule with several defects of its kind, and with what looks like one and is none. The first example of each is in docs/rules.md. */
import { describe, expect, it } from 'vitest';
import { checks, fileOf, findingsOf, foundIn } from './testing.ts';
import { SERIES_CASES } from './testing-series.ts';
import { VALUE_CASES } from './testing-values.ts';

const CASES = { ...VALUE_CASES, ...SERIES_CASES };

describe.each(Object.entries(CASES))('%s', (rule, { found, silent }) => {
  it.each(found)('finds it in %s', (expr) => expect(foundIn(expr)).toContain(rule));
  it.each(silent)('finds nothing in %s', (expr) => expect(foundIn(expr)).not.toContain(rule));
});

const ids = (text: string, scrapeIntervalMs: number | null = null) =>
  findingsOf(text, scrapeIntervalMs).map(({ rule }) => rule);

describe('rules about more than the expression', () => {
  it('measures windows against the scrape interval that is given', () => {
    const text = fileOf({ expr: 'rate(x_total[1m]) > 0' });
    expect(ids(text, 15_000)).toEqual([]);
    expect(ids(text, 20_000)).toEqual(['window-tight']);
    expect(ids(text, 60_000)).toEqual(['window-too-short']);
  });

  it('compares `for` with the interval of the group, if it is known', () => {
    const group = (interval: string, wait: string) =>
      `groups: [{ name: g, ${interval} rules: [{ alert: A, expr: x > 1, for: ${wait} }] }]`;
    expect(ids(group('interval: 1m,', '30s'))).toEqual(['for-below-interval']);
    expect(ids(group('interval: 1m,', '1m'))).toEqual([]);
    expect(ids(group('interval: 1m,', '0s'))).toEqual([]);
    expect(ids(group('', '30s'))).toEqual([]);
  });

  it('adds up the window of absent_over_time and `for`', () => {
    expect(foundIn('absent_over_time(x[10m])', { for: '5m' })).toEqual(['for-after-absent-window']);
    expect(foundIn('absent_over_time(x[10m])')).toEqual([]);
    expect(foundIn('absent(x)', { for: '5m' })).toEqual([]);
  });

  it.each<[string, string, string, boolean]>([
    ['a label that was summed away', 'sum by (job) (x) > 1', '{{ $labels.instance }}', true],
    ['one that is kept', 'sum by (job) (x) > 1', '{{ $labels.job }}', false],
    ['one of the rule itself', 'sum by (job) (x) > 1', '{{ $labels.severity }}', true],
    ['any label of a bare series', 'x > 1', '{{ $labels.whatever }}', false],
    ['what absent() makes up from its matchers', 'absent(up{job="a"})', '{{ $labels.job }}', false],
    ['what it does not', 'absent(up{job=~"a|b"})', '{{ $labels.job }}', true],
    ['an index', 'sum(x) > 1', '{{ index $labels "job" }}', true],
    [
      'le, which the quantile takes',
      'histogram_quantile(0.9, rate(x_seconds_bucket[5m])) > 1',
      '{{ $labels.le }}',
      true,
    ],
    ['one that group_left brings', 'sum by (a) (x) * on (a) group_left (b) y > 1', '{{ $labels.b }}', false],
    ['a text that makes its own labels', 'sum(x) > 1', '{{ $labels := .Labels }}{{ $labels.job }}', false],
    ['words outside of a template', 'sum(x) > 1', '$labels.job', false],
  ])('annotation-label: %s', (_, expr, summary, found) =>
    expect(foundIn(expr, { annotations: { summary } }).includes('annotation-label')).toBe(found),
  );

  it.each<[string, string, string, boolean]>([
    ['decimal for binary', 'used_bytes / 1024 / 1024 > 3500', 'above 3.5 GB', true],
    ['GB for GiB, which many write', 'used_bytes > 2147483648', 'above 2GB', false],
    [
      'a percentage as a ratio',
      'sum(rate(x_total{c="1"}[5m])) / sum(rate(x_total[5m])) * 100 > 0.05',
      'above 5%',
      true,
    ],
    [
      'the right percentage',
      'sum(rate(x_total{c="1"}[5m])) / sum(rate(x_total[5m])) * 100 > 5',
      'above 5%',
      false,
    ],
    [
      'what is left of it',
      'sum(rate(x_total{c="1"}[5m])) / sum(rate(x_total[5m])) < 0.9',
      'more than 10% missing',
      false,
    ],
    ['milliseconds for seconds', 'x_latency_seconds > 0.5', 'slower than 5ms', true],
    ['the right time', 'x_latency_seconds > 0.5', 'slower than 500ms', false],
    ['the wait, which is named, too', 'x_latency_seconds > 0.005', 'slow for 5m', false],
    ['another figure', 'x_latency_seconds > 0.5', 'of 17 s', false],
  ])('annotation-figure: %s', (_, expr, summary, found) =>
    expect(foundIn(expr, { for: '5m', annotations: { summary } }).includes('annotation-figure')).toBe(found),
  );

  it('tells alerts of one name apart by their labels', () => {
    const alert = (severity: string) => ({ alert: 'A', expr: 'x > 1', labels: { severity } });
    expect(ids(fileOf(alert('a'), alert('b')))).toEqual([]);
    expect(ids(fileOf(alert('a'), alert('b'), alert('a')))).toEqual(['duplicate-alert']);
  });

  it('wants a recording rule before its use, in one group', () => {
    const record = { record: 'a:b', expr: 'sum(x)' };
    const alert = { expr: 'a:b > 1' };
    expect(ids(fileOf(record, alert))).toEqual([]);
    expect(ids(fileOf(alert, record))).toEqual(['record-order']);
    expect(ids(fileOf(record, alert, record))).toEqual([]);
  });

  it('knows what a recorded name holds, if the set records it once', () => {
    const record = (expr: string, labels = {}) => ({ record: 'job:r', expr, labels });
    const ratio = record('sum by (job) (rate(x_total{c="1"}[5m])) / sum by (job) (rate(x_total[5m]))');
    expect(ids(fileOf(ratio, { expr: 'job:r > 5' }))).toEqual(['ratio-threshold']);
    expect(ids(fileOf(ratio, { expr: 'job:r' }))).toEqual(['no-comparison']);
    expect(ids(fileOf(record('x > 5'), { expr: 'job:r' }))).toEqual([]);
    expect(ids(fileOf(ratio, ratio, { expr: 'job:r > 5' }))).toEqual([]);
    expect(ids(fileOf(ratio, { expr: 'job:r > 0.5 and sum by (job, pod) (y) > 1' }))).toEqual(['join-label']);
    expect(ids(fileOf(record('sum by (a) (job:r)'), { expr: 'job:r > 5' }))).toEqual([]);
    expect(ids(fileOf(record('sum by (job) (x_total)'), { expr: 'rate(job:r[5m]) > 5' }))).toEqual([
      'rate-of-aggregate',
    ]);
  });

  it('asks for a severity where the others of the file have one', () => {
    const severe = { expr: 'x > 1', labels: { severity: 'page' } };
    expect(ids(fileOf(severe, { expr: 'y > 1' }))).toEqual(['severity-missing']);
    expect(ids(fileOf({ expr: 'x > 1' }, { expr: 'y > 1' }))).toEqual([]);
  });

  it('is an error only where the text alone decides', () => {
    const severity = (expr: string) => findingsOf(fileOf({ expr })).map((finding) => finding.severity);
    expect(severity('sum(rate(x_total{c="1"}[5m])) / sum(rate(x_total[5m])) > 5')).toEqual(['error']);
    expect(severity('rate(jobs_failed_total[5m]) / rate(jobs_total[5m]) > 5')).toEqual(['warning']);
    expect(findingsOf(fileOf({ expr: 'cache_hit_ratio < 90' }))[0]?.why).toMatch(
      / Assumed: cache_hit_ratio is a share/,
    );
  });
});

it('has several cases of every rule that looks at an expression', () => {
  const elsewhere = [
    'not-loadable',
    'for-below-interval',
    'for-after-absent-window',
    'annotation-label',
    'annotation-figure',
    'duplicate-alert',
    'record-order',
    'severity-missing',
  ];
  expect([...Object.keys(CASES), ...elsewhere].sort()).toEqual(Object.keys(checks).sort());
});
