/** Whose CPU it was during the judged load, in ten-second windows: a machine that others use says nothing about a system. */
import type { Event, EventOf } from '../record/model.ts';

const WINDOW_MS = 10_000;
/** Windows overlap by half, so that a burst is not hidden by falling between two. */
const STEP_MS = 5_000;

export interface HostWindow {
  fromMs: number;
  toMs: number;
  /** 0 = nothing was seen in this window. */
  samples: number;
  /** Mean shares of the whole machine, 0..1. */
  busy: number;
  foreign: number;
  steal: number;
}

export interface HostView {
  samples: number;
  windows: HostWindow[];
  /** Mean CPU seconds per second by group of processes. */
  cores: Record<string, number>;
  /** Largest resident memory by group of processes, MB; a group whose memory nobody measured has none. */
  peakRssMb: Record<string, number>;
}

/** Samples from `fromMs` to `toMs` on the run's clock; one window where there is less than ten seconds. */
export function hostView(events: readonly Event[], fromMs: number, toMs: number): HostView {
  const samples = events.filter(
    (event): event is EventOf<'host'> => event.kind === 'host' && event.at >= fromMs && event.at <= toMs,
  );
  const windows: HostWindow[] = [];
  const starts = [fromMs];
  for (let from = fromMs + STEP_MS; from + WINDOW_MS <= toMs; from += STEP_MS) starts.push(from);
  // Steps that do not come out even would leave the last seconds to nobody.
  if ((starts.at(-1) ?? fromMs) + WINDOW_MS < toMs) starts.push(toMs - WINDOW_MS);
  for (const from of starts) {
    const to = Math.min(toMs, from + WINDOW_MS);
    const inside = samples.filter(({ at }) => at >= from && at < to);
    windows.push({
      fromMs: from,
      toMs: to,
      samples: inside.length,
      busy: mean(inside.map(({ busy }) => busy)),
      foreign: mean(inside.map(({ foreign }) => foreign)),
      steal: mean(inside.map(({ steal }) => steal)),
    });
  }
  const groupsIn = (kind: 'cores' | 'rssMb') =>
    [...new Set(samples.flatMap((sample) => Object.keys(sample[kind])))].sort();
  return {
    samples: samples.length,
    windows,
    cores: Object.fromEntries(
      groupsIn('cores').map((group) => [group, mean(samples.map(({ cores }) => cores[group] ?? 0))]),
    ),
    peakRssMb: Object.fromEntries(
      groupsIn('rssMb').map((group) => [group, Math.max(...samples.map(({ rssMb }) => rssMb[group] ?? 0))]),
    ),
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((total, value) => total + value, 0) / values.length;
}
