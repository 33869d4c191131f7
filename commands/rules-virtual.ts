/** `proofload rules --virtual`: a unit test for every alert, made from its expression and played by promtool (docs/alerts.md). */
import { formatDuration } from '../record/duration.ts';
import { EXIT } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';
import { printable } from '../record/report.ts';
import { NotUnderstood } from '../analysis/alerts/input.ts';
import { type VirtualTest, virtualTest } from '../analysis/alerts/virtual.ts';
import { type VirtualVerdict, verdictOf } from '../analysis/alerts/virtual-verdict.ts';
import type { RuleEntry } from '../analysis/rules/rule-file.ts';
import { USUAL_SCRAPE_MS } from '../analysis/rules/window.ts';
import { findPromtool } from '../harness/promtool.ts';
import { playRuleTest } from '../harness/promtool-rules.ts';
import { readRuleFiles } from './rules-read.ts';

interface Tested {
  file: string;
  line: number;
  alert: string;
  verdict: VirtualVerdict;
  why: string;
  /** Null: no test could be made. */
  test: Pick<VirtualTest, 'levels' | 'evaluationIntervalMs'> | null;
  /** What it was played with. */
  series: string[];
}

/**
 * 0: every alert holds; 1: one fails; 4: none fails, and for one no test could be made, or there is none at all. Throws UsageError for
 * what cannot be read, and without promtool.
 */
export async function rulesVirtualCommand(
  paths: readonly string[],
  options: { json?: true | undefined; scrapeInterval?: number | undefined },
): Promise<number> {
  const files = readRuleFiles(paths);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const alerts = files
      .flatMap(({ groups }) => groups.flatMap(({ rules }) => rules))
      .filter(({ kind }) => kind === 'alert');
    const promtool = await findPromtool({
      signal: stop.signal,
      onProgress: (line) => void process.stderr.write(`${line}\n`),
    });
    const tested: Tested[] = [];
    const scrapeIntervalMs = options.scrapeInterval ?? USUAL_SCRAPE_MS;
    for (const rule of alerts) {
      tested.push(await testRule(rule, { promtool, scrapeIntervalMs, signal: stop.signal }));
    }
    process.stdout.write(
      `${options.json ? JSON.stringify({ scrapeIntervalMs, alerts: tested }) : virtualText(tested, scrapeIntervalMs)}\n`,
    );
    if (tested.some(({ verdict }) => verdict === 'fails')) return EXIT.fail;
    return tested.length > 0 && tested.every(({ verdict }) => verdict === 'holds')
      ? EXIT.pass
      : EXIT.inconclusive;
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

interface Playing {
  promtool: string;
  scrapeIntervalMs: number;
  signal: AbortSignal;
}

async function testRule(rule: RuleEntry, { promtool, scrapeIntervalMs, signal }: Playing): Promise<Tested> {
  const about = { file: rule.file, line: rule.place.line, alert: rule.name };
  const untested = (why: string): Tested => ({
    ...about,
    verdict: 'not-tested',
    why,
    test: null,
    series: [],
  });
  const { expr } = rule;
  if (expr === null) return untested('its expression is no PromQL: see proofload rules');
  try {
    const { test, ...numbers } = virtualTest(
      { ...rule, expr },
      { keepFiringForMs: rule.keepFiringForMs, scrapeIntervalMs },
    );
    const failures = await playRuleTest(promtool, test, signal);
    const series = test.cases[0]?.series.map((one) => one.series) ?? [];
    return { ...about, ...verdictOf(failures), test: numbers, series };
  } catch (error) {
    signal.throwIfAborted();
    return untested(
      error instanceof NotUnderstood
        ? `no series can be derived for it: ${error.message}`
        : `promtool could not play it: ${reasonOf(error)}`,
    );
  }
}

function virtualText(tested: readonly Tested[], scrapeIntervalMs: number): string {
  const lines = tested.map(({ file, line, alert, verdict, why, test, series }) => {
    const head = `${file}:${line}  ${verdict}  ${alert}`;
    const numbers =
      test &&
      `  ${numbersText(test)}; scraped every ${formatDuration(scrapeIntervalMs)}; series: ${series.join(' ')}`;
    return [head, ...(why === '' ? [] : [`  ${why}`]), ...(numbers === null ? [] : [numbers])]
      .map((text) => printable(text, Number.POSITIVE_INFINITY))
      .join('\n');
  });
  const count = (wanted: VirtualVerdict) => tested.filter(({ verdict }) => verdict === wanted).length;
  return [
    ...lines,
    `${tested.length} alerts in virtual time: ${count('holds')} hold, ${count('fails')} fail, ${count('not-tested')} not tested`,
  ].join('\n');
}

function numbersText({ levels, evaluationIntervalMs }: NonNullable<Tested['test']>): string {
  const between =
    levels === null
      ? 'there, then absent'
      : `silent at ${short(levels.silent)}, firing at ${short(levels.firing)}, resolved, one scrape missed`;
  return `${between}; evaluated every ${formatDuration(evaluationIntervalMs)}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
