/** Who watches a run while it goes on: the live view and the metrics. An observer only listens; it must not throw. */
import type { Event } from '../record/model.ts';

/** One second of the judged load. */
export interface Progress {
  /** Writes that ended in this second, by outcome. */
  acked: number;
  failed: number;
  unknown: number;
  /** 99th percentile of the acknowledged ones, milliseconds from their scheduled start; null when there were none. */
  p99Ms: number | null;
}

export interface RunObserver {
  event(event: Event): void;
  progress(second: Progress): void;
}
