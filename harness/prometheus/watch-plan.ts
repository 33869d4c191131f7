/** What the Prometheus of a run is started with, decided before anything starts: intervals, rules as written or compressed, and how long it has to watch. */
import { stringify } from 'yaml';
import { compressRules } from '../../analysis/alerts/compress.ts';
import { lookBackMs } from '../../analysis/alerts/condition.ts';
import { upToEvaluation } from '../../analysis/alerts/timing.ts';
import type { RuleEntry, RuleFile } from '../../analysis/rules/rule-file.ts';
import { parseRuleFile } from '../../analysis/rules/rule-file-read.ts';
import type { PrometheusRequest } from '../../platforms/platform.ts';
import { type Scenario, UsageError } from '../../record/model.ts';

/** Prometheus' defaults: `scrape_timeout`, `--query.lookback-delta`, `--rules.alert.resend-delay`. */
const SCRAPE_TIMEOUT_MS = 10_000;
const LOOKBACK_MS = 300_000;
const RESEND_MS = 60_000;
/** Scrapes and evaluations more often than this take longer than they tell. */
const LEAST_INTERVAL_MS = 1_000;

export interface WatchPlan extends Pick<
  PrometheusRequest,
  'config' | 'rules' | 'scrapeIntervalMs' | 'flags'
> {
  evaluationIntervalMs: number;
  queries: Readonly<Record<string, string>>;
  /** The rules as they are written, and the scrape interval that goes with them. Null: the system has none. */
  written: RuleFile | null;
  writtenScrapeIntervalMs: number;
  /** Unified diff from these to what Prometheus gets; empty where that is the same. */
  diff: string;
  /** The longest that an alert needs to fire for certain or to resolve: window, `for`, `keep_firing_for`, a scrape and two evaluations. */
  needsMs: number;
  longestEvaluationIntervalMs: number;
}

export interface WatchInput {
  prometheus: NonNullable<Scenario['prometheus']>;
  /** The system's rule file, by the name that people know. Null: it has none. */
  rules: { file: string; text: string } | null;
  /** Divides every duration; 1: nothing is. */
  compress: number;
}

/** Throws UsageError for rules that cannot be read, for a compression that cannot be had, and where there is nothing to watch. */
export function planWatch({ prometheus, rules, compress }: WatchInput): WatchPlan {
  const { queries = {} } = prometheus;
  if (rules === null && Object.keys(queries).length === 0)
    throw new UsageError(
      'the scenario wants a Prometheus, and there is nothing to watch: its system has no rules.yaml and it asks no queries; add one of them',
    );
  const scrapeIntervalMs = divided('scrapeIntervalMs', prometheus, compress);
  const evaluationIntervalMs = divided('evaluationIntervalMs', prometheus, compress);
  const written = rules && readable(rules.text, rules.file);
  const scaled = rules && compress > 1 ? compressRules(rules.text, compress, rules.file) : null;
  const text = scaled?.text ?? rules?.text ?? '';
  const loaded = scaled && rules ? readable(scaled.text, rules.file) : written;
  const needs = (loaded?.groups ?? []).flatMap(({ rules: entries }) =>
    entries.map((rule) => needsMs(rule, scrapeIntervalMs, evaluationIntervalMs)),
  );
  return {
    config: stringify({
      global: {
        scrape_interval: `${scrapeIntervalMs}ms`,
        scrape_timeout: `${Math.min(scrapeIntervalMs, SCRAPE_TIMEOUT_MS)}ms`,
        evaluation_interval: `${evaluationIntervalMs}ms`,
      },
      rule_files: ['rules/*.yaml'],
    }),
    rules: rules === null ? {} : { 'rules.yaml': text },
    scrapeIntervalMs,
    evaluationIntervalMs,
    flags:
      compress > 1
        ? [
            `--query.lookback-delta=${Math.max(scrapeIntervalMs, Math.round(LOOKBACK_MS / compress))}ms`,
            `--rules.alert.resend-delay=${Math.max(LEAST_INTERVAL_MS, Math.round(RESEND_MS / compress))}ms`,
          ]
        : [],
    queries,
    written,
    writtenScrapeIntervalMs: prometheus.scrapeIntervalMs,
    diff: scaled?.diff ?? '',
    needsMs: Math.max(0, ...needs),
    longestEvaluationIntervalMs: Math.max(
      ...(loaded?.groups ?? []).map(({ intervalMs }) => intervalMs ?? evaluationIntervalMs),
      0,
    ),
  };
}

function divided(
  field: 'scrapeIntervalMs' | 'evaluationIntervalMs',
  prometheus: WatchInput['prometheus'],
  compress: number,
): number {
  const ms = Math.round(prometheus[field] / compress);
  if (compress > 1 && ms < LEAST_INTERVAL_MS)
    throw new UsageError(
      `--compress ${compress}: prometheus.${field} of the scenario, ${prometheus[field]} ms, would be ${ms} ms, and a second is the least; ${Math.max(1, prometheus[field] / LEAST_INTERVAL_MS)} is the most`,
    );
  return ms;
}

/** Throws UsageError with all that Prometheus would refuse. */
function readable(text: string, shown: string): RuleFile {
  const file = parseRuleFile(text, shown);
  const refused = [...file.problems, ...file.unreadable];
  if (refused.length > 0)
    throw new UsageError(
      refused
        .map(
          ({ place, object, why, fix }) => `${shown}:${place.line}:${place.column}: ${object}: ${why} ${fix}`,
        )
        .join('\n'),
    );
  return file;
}

function needsMs(
  { expr, forMs, keepFiringForMs, group }: RuleEntry,
  scrapeIntervalMs: number,
  globalMs: number,
): number {
  const evaluationMs = group.intervalMs ?? globalMs;
  const windowMs = expr === null ? 0 : lookBackMs(expr);
  return (
    // A window that nobody knows is not waited for: nothing will be said of its alert.
    (Number.isFinite(windowMs) ? windowMs : 0) +
    upToEvaluation(forMs, evaluationMs) +
    upToEvaluation(keepFiringForMs, evaluationMs) +
    scrapeIntervalMs +
    2 * evaluationMs
  );
}
