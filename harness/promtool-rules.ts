/**
 * Alert rules in virtual time: promtool plays input series and evaluations as fast as it can, with the rule's own numbers
 * (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { $, ProcessOutput } from 'zx';
import { sampleValue } from '../analysis/alerts/query-values.ts';
import { type Expectation, type RuleTest, TESTED } from '../analysis/alerts/rule-test.ts';

const TIMEOUT_MS = 5 * 60_000;
const ID_LABEL = 'expectation';
/** What promtool says of an expression whose value is another one. */
const FAILURE = /^ {4}expr: (".*"), time: \S+,\n {8}exp: .*\n {8}got: (.*)$/gm;

/** By the id of an expectation that did not hold: the value in its place, or null where there was none. */
export type Failures = ReadonlyMap<string, number | null>;

/**
 * Plays every test of a file. Rejects when promtool could not be asked, or said anything that is not the failure of an expectation: a
 * rule that cannot be evaluated ends its tests, and nothing would have been tested after it.
 */
export async function playRuleTest(promtool: string, test: RuleTest, signal: AbortSignal): Promise<Failures> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-promtool-'));
  try {
    const file = path.join(folder, 'test.json');
    writeFileSync(path.join(folder, 'rules.json'), JSON.stringify(ruleFileOf(test)));
    writeFileSync(file, JSON.stringify(fileOf(test)));
    await $({ quiet: true, signal, timeout: TIMEOUT_MS, detached: true })`${promtool} test rules ${file}`;
    return new Map();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ProcessOutput)) throw error;
    return failuresOf(error.stderr, error.exitCode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function ruleFileOf({ rule }: RuleTest): unknown {
  return { groups: [{ name: 'tested', rules: [{ alert: TESTED, ...rule }] }] };
}

/** A file of promtool, as JSON, which is YAML. */
function fileOf({ evaluationIntervalMs, cases }: RuleTest): unknown {
  return {
    rule_files: ['rules.json'],
    evaluation_interval: `${evaluationIntervalMs}ms`,
    tests: cases.map(({ intervalMs, series, expectations }) => ({
      interval: `${intervalMs}ms`,
      input_series: series,
      promql_expr_test: expectations.map(expressionOf),
    })),
  };
}

/** The id goes through the expression, for that is all promtool says of one that fails. */
function expressionOf({ id, expr, atMs, value }: Expectation): unknown {
  return {
    expr: `label_replace(${expr}, "${ID_LABEL}", "${id}", "", "")`,
    eval_time: `${atMs}ms`,
    exp_samples: [{ labels: `{${ID_LABEL}="${id}"}`, value }],
  };
}

function failuresOf(said: string, exitCode: number | null): Failures {
  const failures = new Map<string, number | null>();
  const rest = said.replace(FAILURE, (all, expr: string, got: string) => {
    const id = /, \\"expectation\\", \\"([\w.-]+)\\", \\"\\", \\"\\"\)"$/.exec(expr)?.[1];
    const value = / (\S+)$/.exec(got)?.[1];
    if (id === undefined || (got !== 'nil' && value === undefined)) return all;
    failures.set(id, value === undefined ? null : sampleValue(value));
    return '';
  });
  const unexpected = rest.replace(/^ {2}FAILED:$/m, '').trim();
  if (unexpected !== '' || failures.size === 0)
    throw new Error(
      `promtool ended with ${exitCode ?? 'a signal'}: ${unexpected.replaceAll(/\s+/g, ' ').slice(-500) || 'it said nothing'}`,
    );
  return failures;
}
