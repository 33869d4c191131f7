/** Figures with a unit in the text of an annotation, beside the threshold that they should name. */
import type { Unit } from './metric-name.ts';

const KIBI = 1024;
/** By base unit: how it is written, and what it may mean. GB is written for GiB as often as not. */
const WRITTEN: Record<string, Record<string, readonly number[]>> = {
  s: { ms: [1e-3], s: [1], sec: [1], min: [60], h: [3600] },
  By: {
    KB: [1e3, KIBI],
    KIB: [KIBI],
    MB: [1e6, KIBI ** 2],
    MIB: [KIBI ** 2],
    GB: [1e9, KIBI ** 3],
    GIB: [KIBI ** 3],
    TB: [1e12, KIBI ** 4],
    TIB: [KIBI ** 4],
  },
  ratio: { '%': [0.01] },
};
const SLIPS = [10, 60, 100, 1e3, KIBI, 1e6, KIBI ** 2, 1e9, KIBI ** 3];
const FIGURE =
  /(\d+(?:\.\d+)?)\s?(%|percent|milliseconds|ms|seconds|sec|s|minutes|min|m|hours|h|[KMGT]i?B)(?![\w/])/gi;
const SHORT: Record<string, string> = {
  percent: '%',
  milliseconds: 'ms',
  seconds: 's',
  minutes: 'min',
  m: 'min',
  hours: 'h',
};

/**
 * The first figure that is off by a factor between units (1000, 1024, 100, 60, or decimal for binary), if none is right.
 * `durationsMs` are those of the rule, which an annotation names, too.
 */
export function nearMiss(
  text: string,
  unit: Unit,
  limit: number,
  durationsMs: readonly (number | null)[],
): { said: string; meant: string } | null {
  const base = unit.base.replace(/\/s$/, '');
  const units = Object.hasOwn(WRITTEN, base) ? (WRITTEN[base] ?? {}) : {};
  const meant = limit * unit.factor;
  const figures = [...text.replaceAll(/\{\{[^]*?\}\}/g, ' ').matchAll(FIGURE)].flatMap(
    ([said, amount, word = '']) => {
      const short = SHORT[word.toLowerCase()] ?? word;
      const factors = units[base === 'By' ? short.toUpperCase() : short.toLowerCase()] ?? [];
      return factors.map((factor) => ({ said, factor, value: Number(amount) * factor }));
    },
  );
  const spoken = figures.filter(({ value }) => base !== 's' || !durationsMs.includes(value * 1_000));
  const near = (a: number, b: number) => Math.abs(a / b - 1) < 0.005;
  // 10 % free is 90 % used.
  if (spoken.some(({ value }) => near(value, meant) || (base === 'ratio' && near(1 - value, meant))))
    return null;
  const slip = spoken.find(({ value }) => {
    const off = Math.max(value / meant, meant / value);
    return SLIPS.some((factor) => near(off, factor)) || (base === 'By' && off < 1.1);
  });
  return slip === undefined ? null : { said: slip.said, meant: shown(meant, base, slip.factor) };
}

function shown(value: number, base: string, factor: number): string {
  if (base === 'ratio') return `${Number((value * 100).toPrecision(4))} %`;
  if (base === 's') return `${Number(value.toPrecision(4))} s`;
  const gibi =
    factor >= 1e9 ? (['GB', 'GiB', 1e9, KIBI ** 3] as const) : (['MB', 'MiB', 1e6, KIBI ** 2] as const);
  return `${Number((value / gibi[2]).toPrecision(3))} ${gibi[0]} or ${Number((value / gibi[3]).toPrecision(3))} ${gibi[1]}`;
}
