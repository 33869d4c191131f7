/** Samples of series out of range queries. */
import type { PrometheusApi, Series } from '../prometheus-api.ts';

/** Prometheus refuses more steps than 11,000 in one answer. */
const MAX_STEPS = 10_000;

export interface Range {
  fromMs: number;
  toMs: number;
  stepMs: number;
}

/** A range query of any length: [milliseconds since the Unix epoch, value] of each series. Rejects with PrometheusError. */
export async function queryLong(
  api: PrometheusApi,
  expr: string,
  { fromMs, toMs, stepMs }: Range,
): Promise<Series<[number, string][]>[]> {
  const found = new Map<string, Series<[number, string][]>>();
  for (let startMs = fromMs; startMs <= toMs; startMs += MAX_STEPS * stepMs) {
    const endMs = Math.min(toMs, startMs + (MAX_STEPS - 1) * stepMs);
    const { result } = await api.queryRange(expr, { fromMs: startMs, toMs: endMs, stepMs });
    for (const { labels, value } of result) {
      const key = JSON.stringify([labels['__name__'], keyOf(labels)]);
      const series = found.get(key) ?? { labels, value: [] };
      found.set(key, series);
      for (const [atS, text] of value) series.value.push([Math.round(atS * 1_000), text]);
    }
  }
  return [...found.values()];
}

export interface Sampled {
  labels: Record<string, string>;
  samples: { atMs: number; value: string }[];
  /** The last step that showed its newest sample: a series that was taken away is marked stale, one that was not read is not. */
  shownUntilMs: number;
}

/**
 * The samples themselves, at the times they bear, each step's newest: `timestamp()` of a selector is the time of the sample that it found. None
 * is passed over whose successor comes a step later or more.
 */
export async function samplesOf(api: PrometheusApi, selector: string, range: Range): Promise<Sampled[]> {
  const values = await queryLong(api, selector, range);
  const times = await queryLong(api, `timestamp(${selector})`, range);
  const byLabels = new Map(times.map(({ labels, value }) => [keyOf(labels), new Map(value)]));
  return values.map(({ labels, value }) => {
    const sampledAt = byLabels.get(keyOf(labels));
    const samples = new Map<number, string>();
    for (const [stepMs, text] of value) {
      const atS = sampledAt?.get(stepMs);
      if (atS !== undefined) samples.set(Math.round(Number(atS) * 1_000), text);
    }
    return {
      labels,
      samples: [...samples].map(([atMs, text]) => ({ atMs, value: text })),
      shownUntilMs: value.at(-1)?.[0] ?? 0,
    };
  });
}

/** `timestamp()` drops the name of the metric. */
function keyOf(labels: Record<string, string>): string {
  return JSON.stringify(
    Object.entries(withoutLabels(labels, ['__name__'])).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

export function withoutLabels(
  labels: Record<string, string>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)));
}
