/** Who watches a run while it goes on: the live view and the metrics. An observer only listens; it must not throw. */
import type { Event } from '../record/model.ts';

/** One second of the judged load, or of the one before it. */
export interface Progress {
  /** Writes that ended in this second, by outcome. */
  acked: number;
  failed: number;
  unknown: number;
  /** 99th percentile of the acknowledged ones, milliseconds from their scheduled start; null when there were none. */
  p99Ms: number | null;
  /** Only of the load before: its acknowledged writes so far, and how many its schedule asks for. */
  before?: { started: number; of: number };
}

export interface RunObserver {
  event(event: Event): void;
  progress(second: Progress): void;
}
