/** Where scrapes are missing, told from the samples of `up`. Wall-clock milliseconds. */
import type { Sampled } from './samples.ts';

/** Scrapes come in even steps: a longer one than this many intervals leaves one out. */
const MISSED_INTERVALS = 1.5;
/** A target that is taken away is shown for two more intervals, until its series are marked stale. */
const SHOWN_INTERVALS = 3;

export interface MissedScrapes {
  fromMs: number;
  toMs: number;
  /** `up 0` and the target, where a scrape was tried and failed. */
  detail: string;
}

/**
 * Stretches in which a target was there and not read. `isDown` says whether a pod did not run at any time of a stretch: then there was
 * nothing to be read, and a scrape that fails says just that.
 */
export function missedScrapes(
  ups: readonly Sampled[],
  scrapeIntervalMs: number,
  isDown: (pod: string, fromMs: number, toMs: number) => boolean,
): MissedScrapes[] {
  return ups.flatMap(({ labels, samples, shownUntilMs }) => {
    const target = labels['pod'] ?? labels['instance'] ?? 'a target without a name';
    const found: MissedScrapes[] = [];
    const add = (fromMs: number, toMs: number, detail: string) => {
      const last = found.at(-1);
      if (last?.toMs === fromMs && last.detail === detail) last.toMs = toMs;
      else found.push({ fromMs, toMs, detail });
    };
    for (const [i, { atMs, value }] of samples.entries()) {
      const beforeMs = samples[i - 1]?.atMs ?? atMs - scrapeIntervalMs;
      if (value !== '1' && !isDown(target, atMs, atMs + scrapeIntervalMs))
        add(beforeMs, atMs, `up 0: ${target}`);
      else if (atMs - beforeMs > MISSED_INTERVALS * scrapeIntervalMs)
        add(beforeMs, atMs, `${target} was not scraped for ${atMs - beforeMs} ms`);
    }
    const lastMs = samples.at(-1)?.atMs ?? shownUntilMs;
    if (shownUntilMs - lastMs > SHOWN_INTERVALS * scrapeIntervalMs)
      add(lastMs, shownUntilMs, `${target} was not scraped for ${shownUntilMs - lastMs} ms`);
    return found;
  });
}

/** When pods did not run, from what the run tells of them. */
export type PodLives = ReturnType<typeof podLives>;

export function podLives() {
  const down = new Map<string, { fromMs: number; toMs: number }[]>();
  return {
    /** Not there before it was created, and not to be asked until it is ready; `atMs` on the run's clock. */
    told(pod: string, state: string, atMs: number): void {
      const spans = down.get(pod) ?? [];
      down.set(pod, spans);
      const open = spans.at(-1)?.toMs === Infinity ? spans.at(-1) : undefined;
      if (state === 'ready' && open !== undefined) open.toMs = atMs;
      else if (open === undefined && ['created', 'exited', 'deleted'].includes(state))
        spans.push({ fromMs: atMs, toMs: Infinity });
    },
    isDown: (pod: string, fromMs: number, toMs: number) =>
      (down.get(pod) ?? []).some((span) => span.fromMs <= toMs && span.toMs >= fromMs),
  };
}
