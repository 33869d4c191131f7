import type { Finding } from '../finding.ts';
import { selectorsOf } from '../promql.ts';
import { inEveryPart, type RuleSet, source, thresholdOf } from '../set.ts';

export const title = 'A threshold in another unit than the metric';
export const severity = 'warning';

const LATENCY = /duration|latency|response|elapsed|wait|request|rpc|query|processing/;
/** Answers that somebody waits for: minutes of it are no threshold. */
const WAITED_FOR = /request|response|rpc|query|http|latency|read|write|lookup|publish/;

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const threshold = thresholdOf(part);
    if (threshold === null) return null;
    const { measured, op, limit } = threshold;
    const { unit } = facts(measured);
    const name = selectorsOf(measured)[0]?.name ?? '';
    const text = source(rule, measured);
    if (unit?.base === 's' && unit.factor === 1 && LATENCY.test(name)) {
      const odd = limit % 60 !== 0 && limit % 50 === 0;
      if (limit < 100 || !(odd || WAITED_FOR.test(name))) return null;
      return {
        why: `${text} is in seconds, and ${limit} s are ${Number((limit / 60).toFixed(1))} minutes: it ${op.startsWith('>') ? 'never gets there' : 'is always below'}.`,
        fix: `${op} ${limit / 1000}, if ${limit} ms is meant.`,
        assuming: `${limit} s is not meant`,
      };
    }
    if (unit?.base === 's' && unit.factor === 1e-3 && limit > 0 && limit < 1 && op.startsWith('>'))
      return {
        why: `${text} is in milliseconds: ${op} ${limit} is true of nearly everything.`,
        fix: `${op} ${limit * 1000}, if ${limit} s is meant.`,
        assuming: `${limit} ms is not meant`,
      };
    if (unit?.base === 'By' && unit.factor === 1 && limit >= 1 && limit < 10_000)
      return {
        why: `${text} is in bytes: ${op} ${limit} is ${op.startsWith('>') ? 'true of nearly everything' : 'true of nearly nothing'}.`,
        fix: `Write ${limit} * 1024 * 1024 for MiB.`,
        assuming: `${limit} bytes is not meant`,
      };
    return null;
  });
}
