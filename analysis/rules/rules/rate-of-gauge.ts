import type { Finding } from '../finding.ts';
import { isGauge } from '../metric-name.ts';
import { inEveryPart, type RuleSet, source } from '../set.ts';

export const title = 'rate() of a gauge';
export const severity = 'warning';

/** rate() takes every fall for a restart from zero and adds the whole value. */
export function find({ rules }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    if (part.kind !== 'call' || !['rate', 'irate', 'increase'].includes(part.name)) return null;
    const [arg] = part.args;
    if (arg?.kind !== 'range' || !isGauge(arg.of.name)) return null;
    const instead = part.name === 'increase' ? 'delta' : 'deriv';
    return {
      why: `${part.name}() takes every fall of ${arg.of.name} for a restart and adds the whole value again, so the result is far too high.`,
      fix: `${instead}(${source(rule, arg)}) follows a gauge both ways.`,
      assuming: `${arg.of.name} is a gauge, as its name says`,
    };
  });
}
