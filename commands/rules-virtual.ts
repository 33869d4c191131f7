/** `proofload rules --virtual`: a unit test for every alert, made from its expression and played by promtool (docs/alerts.md). */
import { formatDuration } from '../record/duration.ts';
import { EXIT } from '../record/model.ts';
import { printable } from '../record/report.ts';
import type { VirtualVerdict } from '../analysis/alerts/virtual-verdict.ts';
import { USUAL_SCRAPE_MS } from '../analysis/rules/window.ts';
import { findEngine } from '../harness/engines.ts';
import { type Tested, testInVirtualTime } from '../harness/prometheus/virtual-test.ts';
import { readRuleFiles } from './rules-read.ts';

interface TestedAlert extends Tested {
  file: string;
  line: number;
  alert: string;
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
    const { path: promtool } = await findEngine('promtool', {
      signal: stop.signal,
      onProgress: (line) => void process.stderr.write(`${line}\n`),
    });
    const tested: TestedAlert[] = [];
    const scrapeIntervalMs = options.scrapeInterval ?? USUAL_SCRAPE_MS;
    for (const rule of alerts) {
      const playing = { promtool, scrapeIntervalMs, signal: stop.signal };
      const { file, place, name } = rule;
      tested.push({ file, line: place.line, alert: name, ...(await testInVirtualTime(rule, playing)) });
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

function virtualText(tested: readonly TestedAlert[], scrapeIntervalMs: number): string {
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
