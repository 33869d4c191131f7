/** Rule files as a person names them: files, and the *.yaml, *.yml and *.json of folders. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { RuleFile } from '../analysis/rules/rule-file.ts';
import { parseRuleFile } from '../analysis/rules/rule-file-read.ts';
import { shownPath } from '../platforms/manifests/located.ts';
import { UsageError } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';
import { filesOf } from './lint-read.ts';

/** The largest public rule sets are some hundred kilobytes. */
const MAX_BYTES = 4_000_000;

/** Throws UsageError for what is not there, is no YAML, or holds no rule at all. */
export function readRuleFiles(paths: readonly string[]): RuleFile[] {
  const files = [...new Set(paths.flatMap(filesOf))].map((file) =>
    parseRuleFile(ruleTextOf(file), shownPath(path.resolve(file))),
  );
  if (files.every((file) => sizeOf(file) === 0))
    throw new UsageError(
      `${paths.join(', ')}: no rule in any group or PrometheusRule, so there is nothing to judge; name the folder that holds the rule files`,
    );
  return files;
}

/** What can be judged of a file: its rules, and what Prometheus would refuse of it. An empty group is neither. */
function sizeOf({ groups, problems, unreadable }: RuleFile): number {
  return groups.reduce((sum, { rules }) => sum + rules.length, problems.length + unreadable.length);
}

/** Throws UsageError for what is no file, too large, or cannot be read. */
export function ruleTextOf(file: string): string {
  const stat = reading(file, () => statSync(file));
  if (!stat.isFile()) throw new UsageError(`${file}: is no file`);
  if (stat.size > MAX_BYTES) throw new UsageError(`${file}: larger than ${MAX_BYTES} bytes; split it`);
  return reading(file, () => readFileSync(file, 'utf8'));
}

/** Rights, links that lead nowhere or in circles: input that cannot be used. */
function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`${file}: cannot be read: ${reasonOf(error)}`);
  }
}
