/** All rules over one set of manifests. Which rules there are is the caller's to read from the folder. */
import type { Finding, Manifest, Severity } from './finding.ts';
import { type ManifestSet, manifestSet, titleOf } from './set.ts';

/** What a file of `analysis/lint/rules/` exports; its id is the name of the file. */
export interface Rule {
  /** What it finds, in a few words. */
  title: string;
  severity: Severity;
  /** Pure. Never throws, whatever is in the manifests. */
  find: (set: ManifestSet) => Finding[];
}

export interface LintFinding {
  rule: string;
  title: string;
  severity: Severity;
  file: string;
  line: number;
  /** `Deployment luminate` */
  object: string;
  why: string;
  fix: string;
}

/** By file and line. */
export function lint(manifests: readonly Manifest[], rules: Readonly<Record<string, Rule>>): LintFinding[] {
  const set = manifestSet(manifests);
  return Object.entries(rules)
    .flatMap(([rule, { title, severity, find }]) =>
      find(set).map(({ manifest, path, why, fix }) => ({
        rule,
        title,
        severity,
        file: manifest.file,
        line: manifest.lineAt(path),
        object: titleOf(manifest),
        why,
        fix,
      })),
    )
    .sort(
      (a, b) => a.file.localeCompare(b.file, 'en') || a.line - b.line || a.rule.localeCompare(b.rule, 'en'),
    );
}
