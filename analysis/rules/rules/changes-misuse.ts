import type { Finding } from '../finding.ts';
import { isCounter, isGauge } from '../metric-name.ts';
import { inEveryPart, type RuleSet, source } from '../set.ts';

export const title = 'changes() of a counter, or resets() of a gauge';
export const severity = 'warning';

export function find({ rules }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    if (part.kind !== 'call' || !['changes', 'resets'].includes(part.name)) return null;
    const [arg] = part.args;
    const name = arg?.kind === 'range' ? arg.of.name : null;
    if (arg === undefined || !(part.name === 'changes' ? isCounter(name) : isGauge(name))) return null;
    return part.name === 'changes'
      ? {
          why: `changes() counts the scrapes that saw another value than the one before, not how far ${name} rose: never more than there are scrapes.`,
          fix: `increase(${source(rule, arg)}) counts the events.`,
          assuming: `${name} is a counter, as its name says`,
        }
      : {
          why: `resets() counts every fall, and ${name} falls in ordinary life.`,
          fix: 'Use changes(), or resets() of a counter.',
          assuming: `${name} is a gauge, as its name says`,
        };
  });
}
