import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { UsageError } from '../../record/model.ts';
import { planWatch } from './watch-plan.ts';

const prometheus = { scrapeIntervalMs: 15_000, evaluationIntervalMs: 30_000 };
const text = `groups:
- name: g
  interval: 15s
  rules:
  - alert: Errors
    expr: sum(rate(x_total{status="500"}[5m])) / sum(rate(x_total[5m])) > 0.05
    for: 5m
  - alert: Restarts
    expr: changes(process_start_time_seconds[15m]) > 2
- name: other
  rules:
  - alert: Down
    expr: up == 0
    for: 50s
    keep_firing_for: 1m
`;
const rules = { file: 'systems/x/rules.yaml', text };

it("gives Prometheus the rules as they are, at the scenario's pace", () => {
  const plan = planWatch({ prometheus, rules, compress: 1 });
  expect(parse(plan.config)).toEqual({
    global: { scrape_interval: '15000ms', scrape_timeout: '10000ms', evaluation_interval: '30000ms' },
    rule_files: ['rules/*.yaml'],
  });
  expect(plan).toMatchObject({
    rules: { 'rules.yaml': text },
    flags: [],
    diff: '',
    scrapeIntervalMs: 15_000,
  });
  // Restarts: its window, a scrape and two evaluations.
  expect(plan.needsMs).toBe(15 * 60_000 + 15_000 + 2 * 15_000);
});

it('waits for `for` and `keep_firing_for` in whole evaluations', () => {
  const short = {
    ...rules,
    text: text.slice(0, text.indexOf('  - alert: Errors')) + text.slice(text.indexOf('  - alert: Restarts')),
  };
  const down = { ...short, text: short.text.replace('[15m]', '[1s]') };
  expect(planWatch({ prometheus, rules: down, compress: 1 }).needsMs).toBe(60_000 + 60_000 + 15_000 + 60_000);
});

it('divides every duration, and what Prometheus has by default', () => {
  const plan = planWatch({ prometheus, rules, compress: 15 });
  expect(plan).toMatchObject({
    scrapeIntervalMs: 1_000,
    evaluationIntervalMs: 2_000,
    writtenScrapeIntervalMs: 15_000,
    flags: ['--query.lookback-delta=20000ms', '--rules.alert.resend-delay=4000ms'],
    needsMs: 60_000 + 1_000 + 2 * 1_000,
  });
  expect(plan.rules['rules.yaml']).toContain('sum(rate(x_total[20s])) > 0.05');
  expect(plan.diff).toContain('-    for: 5m');
  expect(plan.written?.groups[0]?.rules[0]?.forMs).toBe(300_000);
});

it('says which compression is the most', () => {
  expect(() => planWatch({ prometheus, rules: null, compress: 1 })).toThrow(/nothing to watch/);
  expect(() => planWatch({ prometheus, rules, compress: 16 })).toThrow(UsageError);
  expect(() => planWatch({ prometheus, rules, compress: 16 })).toThrow(
    /--compress 16: prometheus\.scrapeIntervalMs .* 15 is the most/,
  );
});

it('refuses rules that Prometheus would refuse, with their place', () => {
  const broken = { ...rules, text: text.replace('for: 5m', 'for: 5 minutes').replace('up == 0', 'up ==') };
  expect(() => planWatch({ prometheus, rules: broken, compress: 1 })).toThrow(
    /systems\/x\/rules\.yaml:7:\d+: alert Errors: .*\nsystems\/x\/rules\.yaml:13:\d+: alert Down: /,
  );
});

it('needs no rules where there are queries', () => {
  const plan = planWatch({
    prometheus: { ...prometheus, queries: { up: 'sum(up)' } },
    rules: null,
    compress: 1,
  });
  expect(plan).toMatchObject({ rules: {}, written: null, queries: { up: 'sum(up)' }, needsMs: 0 });
});

it('watches as long as the longest way back that an alert looks, if that is known', () => {
  const needs = (expr: string) =>
    planWatch({
      prometheus: { scrapeIntervalMs: 15_000, evaluationIntervalMs: 15_000 },
      rules: { file: 'r.yaml', text: `groups: [{ name: g, rules: [{ alert: A, expr: '${expr}' }] }]` },
      compress: 1,
    }).needsMs;
  expect(needs('max_over_time(rate(x[5m])[1h:1m]) > 1')).toBe(3_900_000 + 45_000);
  expect(needs('x offset 1d > 1')).toBe(45_000);
});
