/** What the answer to a query comes to: samples of a window, over series and over time. */
import type { EventOf } from '../../record/model.ts';

type Answer = EventOf<'query.result'>;

export interface Reduction {
  overTime: 'every' | 'max' | 'mean' | 'last';
  overSeries: 'each' | 'sum' | 'single';
}

export interface Value {
  value: number;
  /** Of one sample; null: of a whole series. */
  atMs: number | null;
  labels: string;
}

interface Sample {
  atMs: number;
  value: number;
}

interface Series {
  labels: string;
  samples: Sample[];
}

/** A step that is missing may be the edge of a sample's five minutes; two are a hole. */
export const GAP_STEPS = 2;

/** Series with a sample in the window; the others have no part in it. */
export function seriesIn({ series }: Answer, [fromMs, toMs]: readonly [number, number]): Series[] {
  return series
    .map(({ labels, values }) => ({
      labels: `{${Object.entries(labels)
        .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
        .join(', ')}}`,
      samples: values
        .filter(([atMs]) => atMs >= fromMs && atMs <= toMs)
        .map(([atMs, text]) => ({ atMs, value: sampleValue(text) })),
    }))
    .filter(({ samples }) => samples.length > 0);
}

/** Of Prometheus' own spelling of numbers: NaN, +Inf and -Inf are among them. */
export function sampleValue(text: string): number {
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return text.trim() === '' ? Number.NaN : Number(text);
}

/** Longest stretch of the window, milliseconds, without a sample of any series, where it is more than two steps. */
export function longestGap(
  series: readonly Series[],
  { stepMs }: Pick<Answer, 'stepMs'>,
  [fromMs, toMs]: readonly [number, number],
): { fromMs: number; toMs: number } | null {
  const times = series.flatMap(({ samples }) => samples.map(({ atMs }) => atMs)).sort((a, b) => a - b);
  const edges = [fromMs, ...times, toMs];
  const gaps = edges.slice(1).map((atMs, i) => ({ fromMs: edges[i] ?? fromMs, toMs: atMs }));
  const longest = gaps.reduce((a, b) => (b.toMs - b.fromMs > a.toMs - a.fromMs ? b : a));
  return longest.toMs - longest.fromMs > GAP_STEPS * stepMs ? longest : null;
}

/** The values that are held against the limits. A value that is NaN stays one: max and mean of anything with it are NaN. */
export function reduced(series: readonly Series[], { overTime, overSeries }: Reduction): Value[] {
  const counted = overSeries === 'sum' ? [summed(series)] : series;
  return counted.flatMap(({ labels, samples }): Value[] =>
    overTime === 'every'
      ? samples.map(({ atMs, value }) => ({ value, atMs, labels }))
      : [{ value: overAll(samples, overTime), atMs: null, labels }],
  );
}

function overAll(samples: readonly Sample[], overTime: Exclude<Reduction['overTime'], 'every'>): number {
  const values = samples.map(({ value }) => value);
  if (overTime === 'last') return values.at(-1) ?? Number.NaN;
  if (overTime === 'max') return values.reduce((a, b) => Math.max(a, b), -Infinity);
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function summed(series: readonly Series[]): Series {
  const totals = new Map<number, number>();
  for (const { samples } of series)
    for (const { atMs, value } of samples) totals.set(atMs, (totals.get(atMs) ?? 0) + value);
  const samples = [...totals].map(([atMs, value]) => ({ atMs, value })).sort((a, b) => a.atMs - b.atMs);
  return { labels: `the sum of ${series.length} series`, samples };
}
