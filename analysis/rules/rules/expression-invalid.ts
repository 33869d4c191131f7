import type { Finding } from '../finding.ts';
import { problemFinding, type RuleSet } from '../set.ts';

export const title = 'An expression that is no PromQL';
export const severity = 'error';

export function find({ files }: RuleSet): Finding[] {
  return files.flatMap(({ file, unreadable }) => unreadable.map((problem) => problemFinding(file, problem)));
}
