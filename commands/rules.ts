/** `proofload rules`: findings on Prometheus rules that need no Prometheus (docs/rules.md lists what is looked for). */
import { lintRules, type RuleFinding } from '../analysis/rules/lint.ts';
import { loadRuleChecks } from '../harness/catalogue.ts';
import { EXIT } from '../record/model.ts';
import { printable } from '../record/report.ts';
import { readRuleFiles } from './rules-read.ts';

/** 0: no error and no warning; 1: one at least. Throws UsageError for what cannot be read. */
export async function rulesCommand(
  paths: readonly string[],
  options: { json?: true | undefined; scrapeInterval?: number | undefined },
): Promise<number> {
  const files = readRuleFiles(paths);
  const findings = lintRules(files, await loadRuleChecks(), options.scrapeInterval ?? null);
  const result = {
    files: files.length,
    rules: files.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules)).length,
    skipped: files.flatMap(({ skipped }) => skipped),
    findings,
  };
  process.stdout.write(`${options.json ? JSON.stringify(result) : rulesText(result)}\n`);
  return findings.some(({ severity }) => severity !== 'info') ? EXIT.fail : EXIT.pass;
}

interface Result {
  files: number;
  rules: number;
  skipped: readonly string[];
  findings: readonly RuleFinding[];
}

function rulesText({ files, rules, skipped, findings }: Result): string {
  const blocks = findings.map(
    ({ rule, severity, file, line, column, object, why, fix }) =>
      `${whole(`${file}:${line}:${column}  ${severity}  ${rule}  ${object}`)}\n  ${whole(why)}\n  fix: ${whole(fix)}\n`,
  );
  const count = (wanted: string) => findings.filter(({ severity }) => severity === wanted).length;
  const left = skipped.length === 0 ? '' : `; not judged, no rules in it: ${whole(skipped.join(', '))}`;
  return [
    ...blocks,
    `${rules} rules in ${files} files: ${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes${left}`,
  ].join('\n');
}

/** Texts of a rule are anybody's: none may speak to the terminal, and none is cut. */
function whole(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY);
}
