/** From what single label sets did to when their alert fired: it does while any of them does. Wall-clock milliseconds. */

/** One label set, from the evaluation that saw it fire to the first that saw it no more. */
export interface Activity {
  labels: Record<string, string>;
  fromMs: number;
  /** Null: it did not resolve within what is known. */
  toMs: number | null;
}

export interface Firing {
  labels: Record<string, string>[];
  fromMs: number;
  toMs: number | null;
}

/** In order; label sets that follow each other without an evaluation between them are one firing. */
export function firingsOf(activities: readonly Activity[]): Firing[] {
  const firings: Firing[] = [];
  for (const { labels, fromMs, toMs } of activities.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = firings.at(-1);
    if (last === undefined || (last.toMs !== null && fromMs > last.toMs)) {
      firings.push({ labels: [labels], fromMs, toMs });
      continue;
    }
    const key = JSON.stringify(labels);
    if (!last.labels.some((known) => JSON.stringify(known) === key)) last.labels.push(labels);
    last.toMs = last.toMs === null || toMs === null ? null : Math.max(last.toMs, toMs);
  }
  return firings;
}

/**
 * The same from samples of ALERTS: there is one at every evaluation that sees a label set fire, and none at the evaluation that resolves it.
 * `untilMs` is the last evaluation that is known.
 */
export function activitiesOf(
  labels: Record<string, string>,
  sampleMs: readonly number[],
  { evaluationIntervalMs, untilMs }: { evaluationIntervalMs: number; untilMs: number },
): Activity[] {
  const activities: Activity[] = [];
  for (const atMs of sampleMs) {
    const last = activities.at(-1);
    // Slots are exact to a millisecond.
    if (last?.toMs !== undefined && last.toMs !== null && atMs <= last.toMs + 1)
      last.toMs = atMs + evaluationIntervalMs;
    else activities.push({ labels, fromMs: atMs, toMs: atMs + evaluationIntervalMs });
  }
  return activities.map((activity) => ({
    ...activity,
    toMs: activity.toMs !== null && activity.toMs > untilMs + 1 ? null : activity.toMs,
  }));
}

/** Where two accounts of one alert differ by more than a millisecond, within what both saw. */
export function disagreements(
  one: readonly Firing[],
  other: readonly Firing[],
  seen: { fromMs: number; toMs: number },
): { fromMs: number; toMs: number }[] {
  const edges = [
    ...new Set([one, other].flatMap((firings) => firings.flatMap((firing) => clipped(firing, seen)))),
  ];
  const times = [seen.fromMs, ...edges.toSorted((a, b) => a - b), seen.toMs];
  const found: { fromMs: number; toMs: number }[] = [];
  for (const [i, fromMs] of times.slice(0, -1).entries()) {
    const toMs = times[i + 1] ?? fromMs;
    const middleMs = (fromMs + toMs) / 2;
    if (toMs - fromMs <= 1 || fires(one, middleMs) === fires(other, middleMs)) continue;
    const last = found.at(-1);
    if (last !== undefined && fromMs - last.toMs <= 1) last.toMs = toMs;
    else found.push({ fromMs, toMs });
  }
  return found;
}

function clipped({ fromMs, toMs }: Firing, seen: { fromMs: number; toMs: number }): number[] {
  return [fromMs, toMs ?? seen.toMs].filter((ms) => ms > seen.fromMs && ms < seen.toMs);
}

function fires(firings: readonly Firing[], atMs: number): boolean {
  return firings.some(({ fromMs, toMs }) => fromMs <= atMs && (toMs ?? Infinity) > atMs);
}
