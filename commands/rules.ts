/** `proofload rules`: findings on Prometheus rules, from their text and, where one is named, from a Prometheus (docs/rules.md lists both). */
import { lintRules, type RuleFinding } from '../analysis/rules/lint.ts';
import { merged } from '../analysis/rules/live/judge.ts';
import type { RuleFile } from '../analysis/rules/rule-file.ts';
import { loadRuleChecks } from '../harness/catalogue.ts';
import { EXIT } from '../record/model.ts';
import { printable } from '../record/report.ts';
import { askPrometheus, type LiveResult } from './rules-live.ts';
import { readRuleFiles } from './rules-read.ts';

interface Options {
  json?: true | undefined;
  /** Milliseconds. */
  scrapeInterval?: number | undefined;
  /** Address of a Prometheus to ask. */
  prometheus?: string | undefined;
}

/**
 * 0: no error and no warning; 1: one at least; 4: none, and something that the Prometheus was asked has no answer. Throws UsageError for what
 * cannot be read, and for a Prometheus that cannot be asked or has no data.
 */
export async function rulesCommand(paths: readonly string[], options: Options): Promise<number> {
  const files = readRuleFiles(paths);
  const live = options.prometheus === undefined ? null : await asked(files, options.prometheus);
  const scrapeIntervalMs = options.scrapeInterval ?? live?.scrapeIntervalMs ?? null;
  const fromText = lintRules(files, await loadRuleChecks(), scrapeIntervalMs);
  const findings = live === null ? fromText : merged(fromText, live.findings);
  const result = {
    files: files.length,
    rules: files.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules)).length,
    skipped: files.flatMap(({ skipped }) => skipped),
    findings,
    ...(live !== null && { unanswered: live.unanswered }),
  };
  process.stdout.write(`${options.json ? JSON.stringify(result) : rulesText(result)}\n`);
  if (findings.some(({ severity }) => severity !== 'info')) return EXIT.fail;
  return live !== null && live.unanswered.length > 0 ? EXIT.inconclusive : EXIT.pass;
}

async function asked(files: readonly RuleFile[], address: string): Promise<LiveResult> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt);
  try {
    return await askPrometheus(files, address, stop.signal);
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

interface Result {
  files: number;
  rules: number;
  skipped: readonly string[];
  findings: readonly RuleFinding[];
  unanswered?: LiveResult['unanswered'];
}

function rulesText({ files, rules, skipped, findings, unanswered = [] }: Result): string {
  const blocks = findings.map(
    ({ rule, severity, file, line, column, object, why, fix }) =>
      `${whole(`${file}:${line}:${column}  ${severity}  ${rule}  ${object}`)}\n  ${whole(why)}\n  fix: ${whole(fix)}\n`,
  );
  const open = unanswered.map(
    ({ file, line, object, why }) => `${whole(`${file}:${line}  not judged  ${object}`)}\n  ${whole(why)}\n`,
  );
  const count = (wanted: string) => findings.filter(({ severity }) => severity === wanted).length;
  const left = skipped.length === 0 ? '' : `; not judged, no rules in it: ${whole(skipped.join(', '))}`;
  return [
    ...blocks,
    ...open,
    `${rules} rules in ${files} files: ${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes${left}`,
  ].join('\n');
}

/** Texts of a rule are anybody's: none may speak to the terminal, and none is cut. */
function whole(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY);
}
