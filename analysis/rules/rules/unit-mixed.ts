import type { Finding } from '../finding.ts';
import type { Unit } from '../metric-name.ts';
import { isComparison, selectorsOf } from '../promql.ts';
import { inEveryPart, type RuleSet } from '../set.ts';

export const title = 'Two units in one sum or comparison';
export const severity = 'warning';

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part) => {
    if (part.kind !== 'binary' || !(isComparison(part) || part.op === '+' || part.op === '-')) return null;
    const [left, right] = [facts(part.left).unit, facts(part.right).unit];
    if (left === null || right === null || !differ(left, right)) return null;
    const names = selectorsOf(part).map(({ name }) => name);
    return {
      why: `${part.op} has ${words(left)} on its left and ${words(right)} on its right.`,
      fix:
        left.base === right.base
          ? `Bring both to one unit first, by a factor of ${Number((Math.max(left.factor, right.factor) / Math.min(left.factor, right.factor)).toPrecision(6))}.`
          : 'Compare what is of one kind.',
      assuming: `${[...new Set(names)].join(' and ')} are in the units that they name`,
    };
  });
}

function differ(a: Unit, b: Unit): boolean {
  // Seconds per second are a share, too.
  const kind = ({ base }: Unit) => (base === 's/s' || base === '1' ? 'ratio' : base);
  return kind(a) !== kind(b) || Math.abs(a.factor / b.factor - 1) > 0.001;
}

function words({ base, factor }: Unit): string {
  const names: Record<string, string> = {
    's 1': 'seconds',
    's 0.001': 'milliseconds',
    's 0.000001': 'microseconds',
    'By 1': 'bytes',
    'ratio 1': 'a ratio',
    'ratio 0.01': 'a percentage',
  };
  return names[`${base} ${factor}`] ?? (factor === 1 ? base : `${base} x ${factor}`);
}
