/** Rule files: what is read, where it stands, and what Prometheus would refuse. */
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../record/model.ts';
import { parseRuleFile } from './rule-file-read.ts';
import { findingsOf } from './testing.ts';

/** `line:column rule` of what is found. */
const places = (text: string) =>
  findingsOf(text).map(({ line, column, rule }) => `${line}:${column} ${rule}`);
const rule = (fields: string) => `groups:\n  - name: g\n    rules:\n      - ${fields}\n`;

describe('the place of an expression', () => {
  it.each<[string, string, string]>([
    ['on one line', 'alert: A\n        expr: x > 1 and up > 5', '5:25'],
    ['in double quotes, with escapes', 'alert: A\n        expr: "x{a=\\"1\\"} and up > 5"', '5:31'],
    ['in single quotes', "alert: A\n        expr: 'x{a=''1''} and up > 5'", '5:31'],
    [
      'in a literal block',
      'alert: A\n        expr: |\n          x > 1\n            and\n          up > 5',
      '8:11',
    ],
    ['in a folded block', 'alert: A\n        expr: >-\n          x > 1\n          and up > 5', '7:15'],
    ['on several lines without any mark', 'alert: A\n        expr: x > 1\n          and up > 5', '6:15'],
    [
      'after a comment in the expression',
      'alert: A\n        expr: |\n          # up\n          up > 5',
      '7:11',
    ],
  ])('%s', (_, fields, place) => expect(places(rule(fields))).toEqual([`${place} never-true`]));

  it('is that of the mistake, where there is one', () => {
    expect(
      places(rule('alert: A\n        expr: |\n          sum(\n            rate(x_total)\n          ) > 1')),
    ).toEqual(['7:18 expression-invalid']);
    expect(places(rule('alert: A\n        expr: x > > 1'))).toEqual(['5:19 expression-invalid']);
  });
});

describe('what Prometheus refuses', () => {
  it.each<[string, string, RegExp]>([
    ['an unknown field', 'alert: A\n        expr: x > 1\n        four: 5m', /field four is unknown/],
    ['a bad wait', 'alert: A\n        expr: x > 1\n        for: 5 min', /5 min is no duration/],
    ['a fraction', 'alert: A\n        expr: x > 1\n        keep_firing_for: 1.5m', /1\.5m is no duration/],
    ['more than 292 years', 'alert: A\n        expr: x > 1\n        for: 9223372036855ms', /no duration/],
    ['units the wrong way round', 'alert: A\n        expr: x > 1\n        for: 5m1h', /no duration/],
    ['neither alert nor record', 'expr: x > 1', /has neither/],
    ['both', 'alert: A\n        record: b\n        expr: x > 1', /has both/],
    ['no expression', 'alert: A', /without expr/],
    ['a wait in a recording rule', 'record: a:b\n        expr: x\n        for: 5m', /has no for/],
    ['a name that is a selector', 'record: a{b="c"}\n        expr: x', /is no name for a metric/],
    ['a label that is none', 'alert: A\n        expr: x > 1\n        labels: { a-b: c }', /a-b is no name/],
    ['labels that are a list', 'alert: A\n        expr: x > 1\n        labels: [a]', /labels is no map/],
    [
      'a label that is a map',
      'alert: A\n        expr: x > 1\n        labels: { a: { b: c } }',
      /labels\.a is no text/,
    ],
  ])('%s', (_, fields, why) => {
    const [finding, ...more] = findingsOf(rule(fields));
    expect(finding?.why).toMatch(why);
    expect(finding?.rule).toBe('not-loadable');
    expect(more).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    ['groups that are no list', 'groups: { name: g }', /groups is no list/],
    ['rules that are no list', 'groups: [{ name: g, rules: { alert: A } }]', /rules is no list/],
    ['a group without a name', 'groups: [{ rules: [] }]', /without a name/],
    [
      'two groups of one name',
      'groups: [{ name: g, rules: [] }, { name: g, rules: [] }]',
      /A second group g/,
    ],
    ['a bad interval', 'groups: [{ name: g, interval: 1, rules: [] }]', /interval: 1 is no duration/],
    ['a bad limit', 'groups: [{ name: g, limit: many, rules: [] }]', /limit: many/],
    ['an unknown field at the top', 'groups: []\nrules: []', /field rules is unknown/],
    ['a second document', 'groups: []\n---\ngroups: []', /reads the first one only/],
  ])('%s', (_, text, why) =>
    expect(findingsOf(text).map((finding) => finding.why)).toEqual([expect.stringMatching(why)]),
  );
});

describe('durations in an expression', () => {
  it.each([
    'rate(x_total[99999999999999999999y]) > 1',
    'rate(x_total[293y]) > 1',
    'rate(x_total[9223372037]) > 1',
    'rate(x_total[9223372036855ms]) > 1',
    'max_over_time(x[5m:293y]) > 1',
    'x offset 293y > 1',
    'x offset -293y > 1',
    'x > 293y',
  ])('%s is refused', (expr) => {
    const [finding, ...more] = findingsOf(rule(`alert: A\n        expr: ${expr}`));
    expect(finding).toMatchObject({ rule: 'expression-invalid', why: expect.stringContaining('292 years') });
    expect(more).toEqual([]);
  });

  it.each([
    'rate(x_total[292y]) > 1',
    'rate(x_total[9223372036854ms]) > 1',
    'x > 9223372037',
    'x > 0x1f',
    'x < Inf',
  ])('%s is read', (expr) =>
    expect(parseRuleFile(rule(`alert: A\n        expr: ${expr}`), 'x.yaml').unreadable).toEqual([]),
  );
});

describe('files', () => {
  it('hold PrometheusRule objects, alone and in lists, and may hold other things', () => {
    const object =
      'kind: PrometheusRule\nmetadata: { name: r }\nspec:\n  groups:\n    - { name: g, rules: [{ alert: A, expr: up > 1 }] }\n';
    expect(places(object)).toEqual(['5:44 never-true']);
    expect(places(`${object}---\n${object}`)).toHaveLength(3);
    const list = `kind: List\nitems:\n  - ${object.trimEnd().replaceAll('\n', '\n    ')}\n  - kind: Pod\n`;
    expect(places(list)).toEqual(['7:48 never-true']);
    expect(parseRuleFile(list, 'x.yaml').skipped).toEqual(['x.yaml:8']);
    expect(parseRuleFile('# nothing\n---\nkind: Pod\n---\njust text\n', 'x.yaml').skipped).toHaveLength(2);
  });

  it('may use anchors and merge keys', () => {
    const text =
      'groups:\n  - name: g\n    rules:\n      - &a { alert: A, expr: x > 1, for: 5m }\n      - { <<: *a, alert: B, expr: up > 1 }\n      - *a\n';
    const rules = parseRuleFile(text, 'x.yaml').groups.flatMap((group) => group.rules);
    expect(rules.map(({ name, exprText, forMs }) => [name, exprText, forMs])).toEqual([
      ['A', 'x > 1', 300_000],
      ['B', 'up > 1', 300_000],
      ['A', 'x > 1', 300_000],
    ]);
  });

  it('take the nearest of fields that several merge keys bring', () => {
    const text =
      'a: &a { expr: x > 1, for: 1m }\nb: &b { <<: *a, for: 2m, keep_firing_for: 3m }\nc: &c { for: 4m, keep_firing_for: 4m }\ngroups:\n  - { name: g, rules: [{ <<: [*b, *c], alert: A }] }\n';
    const [entry] = parseRuleFile(text, 'x.yaml').groups.flatMap((group) => group.rules);
    expect(entry).toMatchObject({ exprText: 'x > 1', forMs: 120_000, keepFiringForMs: 180_000 });
  });

  it('are refused where merge keys within each other make too much of little', () => {
    const levels = Array.from({ length: 8 }, (_, i) => {
      const below = Array.from({ length: 9 }, () => (i === 0 ? '{ k: v }' : `*m${i - 1}`)).join(', ');
      return `m${i}: &m${i} { <<: [${below}] }\n`;
    }).join('');
    expect(() => parseRuleFile(`${levels}groups: [{ <<: *m7, name: g }]\n`, 'x.yaml')).toThrow(
      /x\.yaml:9:\d+: its merge keys/,
    );
    const wide = Array.from({ length: 2_001 }, (_, i) => `k${i}: v`).join(', ');
    expect(() => parseRuleFile(`a: &a { ${wide} }\ngroups: [{ <<: *a, name: g }]\n`, 'x.yaml')).toThrow(
      UsageError,
    );
    // Its own fields are what they are.
    expect(parseRuleFile(`${wide.replaceAll(', ', '\n')}\n`, 'x.yaml').skipped).toHaveLength(1);
  });

  it('are refused with file, line and column where they are no YAML', () => {
    expect(() => parseRuleFile('groups:\n  - name: [\n', 'x.yaml')).toThrow(UsageError);
    expect(() => parseRuleFile('groups:\n  - name: "a\n', 'x.yaml')).toThrow(
      /^x\.yaml:\d+:\d+: not valid YAML/,
    );
    expect(() => parseRuleFile('{{ include "a" . }}\nb: [', 'x.yaml')).toThrow(/render it first/);
    expect(() => parseRuleFile('groups: *nobody', 'x.yaml')).toThrow(/x\.yaml:1:9: .*nobody/);
  });

  it('may be as deep and as large as they like: what is too much is a finding', () => {
    const deep = (levels: number) => `${'('.repeat(levels)}x${')'.repeat(levels)} > 1`;
    expect(findingsOf(rule(`alert: A\n        expr: ${deep(300)}`))[0]?.why).toMatch(
      /nested deeper than 200/,
    );
    expect(findingsOf(rule(`alert: A\n        expr: ${deep(1_000)}`))[0]?.rule).toBe('expression-invalid');
    const chain = Array.from({ length: 1_500 }, (_, i) => `{ record: 'r:${i}', expr: 'sum(r:${i + 1})' }`);
    const rules = ["{ alert: A, expr: 'r:0 > 1' }", ...chain].join(', ');
    expect(
      findingsOf(`groups: [{ name: g, rules: [${rules}] }]`).filter(({ severity }) => severity === 'error'),
    ).toEqual([]);
    const long = Array.from({ length: 30_000 }, () => 'x').join(' + ');
    expect(findingsOf(rule(`alert: A\n        expr: ${long}`))[0]?.why).toMatch(/longer than 100000/);
    const many = `a: &a [${'{ alert: A, expr: x },'.repeat(1_000)}]\ngroups: [${Array.from({ length: 21 }, (_, i) => `{ name: g${i}, rules: *a },`).join('')}]`;
    const { problems } = parseRuleFile(many, 'x.yaml');
    expect(problems.map(({ why }) => why)).toContain('More than 20000 rules; the rest is not judged.');
  });
});
