/** `proofload lint`: findings on manifests that need no cluster (docs/lint.md lists the rules). */
import { lint, type LintFinding } from '../analysis/lint/lint.ts';
import { loadRules } from '../harness/catalogue.ts';
import { EXIT } from '../record/model.ts';
import { printable } from '../record/report.ts';
import { readForLint } from './lint-read.ts';

/** 0: no error and no warning; 1: one at least. Throws UsageError for what cannot be read. */
export async function lintCommand(
  paths: readonly string[],
  options: { json?: true | undefined },
): Promise<number> {
  const { files, manifests, skipped } = readForLint(paths);
  const findings = lint(manifests, await loadRules());
  const result = { files, objects: manifests.length, skipped, findings };
  process.stdout.write(`${options.json ? JSON.stringify(result) : lintText(result)}\n`);
  return findings.some(({ severity }) => severity !== 'info') ? EXIT.fail : EXIT.pass;
}

interface Result {
  files: number;
  objects: number;
  skipped: readonly string[];
  findings: readonly LintFinding[];
}

function lintText({ files, objects, skipped, findings }: Result): string {
  const blocks = findings.map(
    ({ rule, severity, file, line, object, why, fix }) =>
      `${whole(`${file}:${line}  ${severity}  ${rule}  ${object}`)}\n  ${whole(why)}\n  fix: ${whole(fix)}\n`,
  );
  const count = (wanted: string) => findings.filter(({ severity }) => severity === wanted).length;
  const left =
    skipped.length === 0 ? '' : `; not judged, no object of Kubernetes: ${whole(skipped.join(', '))}`;
  return [
    ...blocks,
    `${objects} objects in ${files} files: ${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes${left}`,
  ].join('\n');
}

/** Names in a manifest are anybody's: none may speak to the terminal, and none is cut. */
function whole(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY);
}
