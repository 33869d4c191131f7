import type { Finding } from '../finding.ts';
import { problemFinding, type RuleSet } from '../set.ts';

export const title = 'A file that Prometheus refuses, or does not read whole';
export const severity = 'error';

/** As Prometheus' own reader (model/rulefmt) sees it; one such rule and none of the file is loaded. */
export function find({ files }: RuleSet): Finding[] {
  return files.flatMap(({ file, problems }) => problems.map((problem) => problemFinding(file, problem)));
}
