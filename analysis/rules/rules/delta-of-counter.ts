import type { Finding } from '../finding.ts';
import { isCounter } from '../metric-name.ts';
import { inEveryPart, type RuleSet, source } from '../set.ts';

export const title = 'delta(), deriv() or predict_linear() of a counter';
export const severity = 'warning';

const INSTEAD: Record<string, string> = { delta: 'increase', idelta: 'increase', deriv: 'rate' };

/** Functions for gauges do not know of restarts. */
export function find({ rules }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    if (part.kind !== 'call' || !['delta', 'idelta', 'deriv', 'predict_linear'].includes(part.name))
      return null;
    const [arg] = part.args;
    if (arg?.kind !== 'range' || !isCounter(arg.of.name)) return null;
    const instead = INSTEAD[part.name];
    return {
      why: `${part.name}() does not know that ${arg.of.name} starts again from 0 with its process: after a restart the result is far below zero.`,
      fix: instead
        ? `${instead}(${source(rule, arg)}) does.`
        : 'Predict from a gauge, or from rate() of this counter.',
      assuming: `${arg.of.name} is a counter, as its name says`,
    };
  });
}
