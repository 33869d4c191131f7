/** All rules of the lint over one set of rule files. Which there are is the caller's to read from the folder. */
import type { Finding, Severity } from './finding.ts';
import type { RuleFile } from './rule-file.ts';
import { type RuleSet, ruleSet } from './set.ts';

/** What a file of `analysis/rules/rules/` exports; its id is the name of the file. */
export interface RuleCheck {
  /** What it finds, in a few words. */
  title: string;
  severity: Severity;
  /** Pure. Never throws, whatever is in the rules. */
  find: (set: RuleSet) => Finding[];
}

export interface RuleFinding {
  rule: string;
  title: string;
  severity: Severity;
  file: string;
  line: number;
  column: number;
  object: string;
  why: string;
  fix: string;
}

/** By file and line. `scrapeIntervalMs` is null where it is not known. */
export function lintRules(
  files: readonly RuleFile[],
  checks: Readonly<Record<string, RuleCheck>>,
  scrapeIntervalMs: number | null,
): RuleFinding[] {
  const set = ruleSet(files, scrapeIntervalMs);
  return Object.entries(checks)
    .flatMap(([rule, { title, severity, find }]) =>
      find(set).map(({ file, place, object, why, fix, assuming }) => ({
        rule,
        title,
        severity: assuming !== undefined && severity === 'error' ? ('warning' as const) : severity,
        file,
        ...place,
        object,
        why: assuming === undefined ? why : `${why} Assumed: ${assuming}.`,
        fix,
      })),
    )
    .sort(
      (a, b) =>
        a.file.localeCompare(b.file, 'en') ||
        a.line - b.line ||
        a.column - b.column ||
        a.rule.localeCompare(b.rule, 'en'),
    );
}
