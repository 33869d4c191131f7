/** A compressed copy has other durations, and nothing else is other. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { expect, it } from 'vitest';
import { compressRules } from './compress.ts';

const SEED = 11;

function fileOf(expr: string, rest = ''): string {
  return `groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: ${expr}\n${rest}`;
}

/** The changed lines of the copy, without what did not change. */
function changed(text: string, factor: number): string[] {
  const before = text.split('\n');
  return compressRules(text, factor)
    .text.split('\n')
    .flatMap((line, i) => (line === before[i] ? [] : [line.trim()]));
}

it('divides every duration of a rule, and leaves numbers, labels, comments and texts', () => {
  const text = `# every 5m
groups:
  - name: "5m"
    interval: 30s
    query_offset: 10s # of 10s
    rules:
      - record: a:rate5m
        expr: 'max_over_time(rate(a_total{w="5m"}[5m] offset 1m)[1h:2m] offset -1d @ 600) > 5m'
      - alert: A
        for: "10m"
        keep_firing_for: 1m30s
        labels: { for: 5m, interval: 5m }
        annotations:
          expr: over [5m], for 5m
        expr: |
          # over [5m]
          rate(a_total[300])
            > 300
`;
  expect(changed(text, 10)).toEqual([
    'interval: 3s',
    'query_offset: 1s # of 10s',
    `expr: 'max_over_time(rate(a_total{w="5m"}[30s] offset 6s)[6m:12s] offset -2h24m @ 600) > 5m'`,
    'for: "1m"',
    'keep_firing_for: 9s',
    'rate(a_total[30s])',
  ]);
});

it('says what it changed as a unified diff', () => {
  const text = fileOf(
    'rate(x[5m]) > 1',
    '        for: 1m\n        labels: {}\n\n\n\n\n\n\n      - alert: B\n',
  );
  const { diff } = compressRules(`${text}        expr: y > 1\n        for: 45s\n`, 10, 'a.yaml');
  expect(diff).toBe(`--- a.yaml
+++ a.yaml, time divided by 10
@@ -2,8 +2,8 @@
   - name: g
     rules:
       - alert: A
-        expr: rate(x[5m]) > 1
-        for: 1m
+        expr: rate(x[30s]) > 1
+        for: 6s
         labels: {}
 
 
@@ -13,4 +13,4 @@
 
       - alert: B
         expr: y > 1
-        for: 45s
+        for: 4500ms
`);
  expect(compressRules(fileOf('x > 1'), 10).diff).toBe('');
});

it.each([
  [
    fileOf('rate(x[5m]) > 1'),
    400,
    'rules.yaml:5:22: the window [5m] of 5m divided by 400 is less than 1s; the largest factor for this file is 300',
  ],
  [
    fileOf('x > 1', '        for: 30s\n'),
    400,
    'rules.yaml:6:14: for of 30s divided by 400 is less than 100ms; the largest factor for this file is 300',
  ],
  [fileOf('rate(x[1s]) > 1'), 2, 'this file cannot be compressed at all'],
  [fileOf('rate(x[5m * 2]) > 1'), 2, 'rules.yaml:5:22: alert A: the duration 5m * 2 is computed'],
  [fileOf('rate(x[step()]) > 1'), 2, 'is computed'],
  [fileOf('"rate(x[5\\x6d]) > 1"'), 2, 'rules.yaml:5:23: alert A: 5m is written with escapes'],
  [fileOf('rate(x[5m]) >'), 2, 'rules.yaml:5:27: alert A: the expression ends too early'],
  [fileOf('x > 1', '        for: 5 min\n'), 2, 'for: 5 min is no duration of Prometheus'],
  [
    fileOf('x > 1', '        labels: { w: &w 5m }\n        for: *w\n'),
    2,
    'rules.yaml:4:9: alert A: a duration of it is an alias',
  ],
  ['groups: [', 2, 'not valid YAML'],
  [fileOf('x > 1'), 0, 'no factor'],
  [fileOf('x > 1'), Number.NaN, 'no factor'],
])('refuses %j by %d', (text, factor, why) => {
  expect(() => compressRules(text, factor)).toThrow(why);
  expect(() => compressRules(text, factor)).toThrow(expect.objectContaining({ name: 'UsageError' }));
});

it('follows anchors to the one place that they stand for', () => {
  const text = fileOf('&e rate(x[5m]) > 1', '        for: &w 5m\n      - { alert: B, expr: *e, for: *w }\n');
  expect(changed(text, 10)).toEqual(['expr: &e rate(x[30s]) > 1', 'for: &w 30s']);
});

it('finds durations behind letters of every width, and in every style', () => {
  expect(changed(fileOf(`'rate(x{a="😀"}[5m]) > 1'`, '        for: "1h30m"\n'), 7)).toEqual([
    `expr: 'rate(x{a="😀"}[42857ms]) > 1'`,
    'for: "771429ms"',
  ]);
  expect(changed(fileOf('|\r\n          rate(x[5m])\r\n          > 1 # [5m]\r'), 2)).toEqual([
    'rate(x[2m30s])',
  ]);
  expect(changed(fileOf(`"rate(\n          x[5m]\\\n          ) > 1"`), 2)).toEqual(['x[2m30s]\\']);
  expect(changed(fileOf('rate(x[3e2] offset -5m) > 1'), 2)).toEqual([
    'expr: rate(x[2m30s] offset -2m30s) > 1',
  ]);
});

it('reads the objects of the operator', () => {
  const text = `kind: PrometheusRule\nmetadata: { labels: { for: 5m } }\nspec:\n  ${fileOf('x > 1', '        for: 5m\n').replaceAll('\n', '\n  ')}`;
  expect(changed(text, 10)).toEqual(['for: 30s']);
});

const spanMs = integer({ min: 1, max: 5_000 }).map((amount) => amount * 6_000);
const rule = record({
  style: constantFrom('|', '>-', 'plain', 'quoted'),
  windowMs: spanMs,
  offsetMs: spanMs,
  forMs: spanMs,
  limit: integer({ min: 0, max: 100 }),
});

it('gives the old durations back when the copy is stretched by the same factor', () => {
  assert(
    property(array(rule, { minLength: 1, maxLength: 4 }), constantFrom(2, 3, 4, 5, 6), (rules, factor) => {
      const text = [
        'groups:\n  - name: g # 1m',
        '    rules:',
        ...rules.map(({ style, windowMs, offsetMs, forMs, limit }, i) => {
          const expr = `sum(rate(x{a="1m"}[${windowMs}ms] offset ${offsetMs}ms)) > ${limit}`;
          const written =
            style === 'plain'
              ? expr
              : style === 'quoted'
                ? JSON.stringify(expr)
                : `${style}\n          ${expr}`;
          return `      - alert: A${i}\n        for: ${forMs}ms\n        expr: ${written}`;
        }),
        '',
      ].join('\n');
      const copy = compressRules(text, factor).text;
      // Thresholds, labels, comments: whatever is no duration between brackets, after offset or after for.
      const rest = (whole: string) =>
        whole.replaceAll(/(?<=\[|offset |for: )\d\w*/g, '').replaceAll(/^groups.*$/gm, '');
      expect(rest(copy)).toBe(rest(text));
      expect(copy).not.toBe(text);
      const canonical = compressRules(text, 1).text;
      expect(compressRules(copy, 1 / factor).text).toBe(canonical);
    }),
    { seed: SEED, numRuns: 60 },
  );
});

it.each(['luminate', 'kalcifer'])(
  'compresses the rules of %s, and stretches them to what they were',
  (system) => {
    const text = readFileSync(path.join(import.meta.dirname, '../../systems', system, 'rules.yaml'), 'utf8');
    const copy = compressRules(text, 15).text;
    expect(copy).not.toBe(text);
    expect(compressRules(copy, 1 / 15).text).toBe(text);
  },
);
