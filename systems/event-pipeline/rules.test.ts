/** The alerts of the pipeline: clean for the lint, and about nothing that the reference does not export. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parseRuleFile } from '../../analysis/rules/rule-file-read.ts';
import { selectorsOf } from '../../analysis/rules/promql.ts';
import { findingsOf } from '../../analysis/rules/testing.ts';
import { createCaptureMetrics } from './reference/capture-metrics.ts';
import { createConsumerMetrics } from './reference/consumer-metrics.ts';

const text = readFileSync(path.join(import.meta.dirname, 'rules.yaml'), 'utf8');
const rules = parseRuleFile(text, 'rules.yaml').groups.flatMap((group) => group.rules);

it('finds nothing in them', () => {
  expect(rules.length).toBeGreaterThanOrEqual(10);
  expect(findingsOf(text)).toEqual([]);
});

it('are about metrics that capture, consumer and query export', async () => {
  const registries = [
    createCaptureMetrics([['POST', '/capture']]).registry,
    createConsumerMetrics().registry,
  ];
  const exported = (await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()))).flat();
  // The query API builds its metrics where it uses them.
  const names = new Set([...exported.map(({ name }) => name), 'query_errors_total', 'up']);
  const named = rules.flatMap(({ expr }) =>
    expr === null ? [] : selectorsOf(expr).map(({ name }) => name ?? ''),
  );
  expect(named.filter((name) => !names.has(name) && !names.has(name.replace(/_bucket$/, '')))).toEqual([]);
  const query = readFileSync(path.join(import.meta.dirname, 'reference/query.ts'), 'utf8');
  expect(query).toContain("'query_errors_total'");
});
