import { formatDuration } from '../../../record/duration.ts';
import type { Finding } from '../finding.ts';
import { selectorsOf } from '../promql.ts';
import { inEveryPart, type RuleSet, source, thresholdOf } from '../set.ts';
import { windowOf } from '../window.ts';

export const title = 'Rare events with a threshold per second';
export const severity = 'warning';

const RARE =
  /(^|_)(restarts?|crash(es)?|panics?|oom|recover(y|ies)|failovers?|evictions?|reboots?|leader_changes?|deadlocks?|rollbacks?|aborts?)(_|$)/;

/** rate() is per second: a threshold of 1 on restarts is 300 in five minutes. */
export function find({ rules }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const threshold = thresholdOf(part);
    if (threshold === null || !threshold.op.startsWith('>') || threshold.limit < 1) return null;
    const { limit } = threshold;
    const inner = threshold.measured.kind === 'aggregate' ? threshold.measured.of : threshold.measured;
    const window = windowOf(inner);
    const name = selectorsOf(inner)[0]?.name ?? '';
    if (window === null || window.name !== 'rate' || !RARE.test(name)) return null;
    const many = Number(((limit * window.windowMs) / 1_000).toPrecision(6));
    return {
      why: `rate() is per second: ${threshold.op} ${limit} needs more than ${many} within ${formatDuration(window.windowMs)}.`,
      fix: `${source(rule, threshold.measured).replace('rate(', 'increase(')} ${threshold.op} ${limit}, if ${limit} within ${formatDuration(window.windowMs)} is meant.`,
      assuming: `that many of ${name} are not meant`,
    };
  });
}
