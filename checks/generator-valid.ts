/**
 * The generator is judged first. What it did not send, sent late, or measured on a machine that others used says nothing
 * about the system: the run is `invalid` then, never `fail`. Every reason is named, not only the first.
 */
import { z } from 'zod';
import { history, type Judgement, loadEvidence, percent, seconds } from '../analysis/check.ts';
import type { HostWindow } from '../analysis/host.ts';
import { eventsOf, type JudgedLoad, type LoadView } from '../analysis/load-view.ts';
import { missingLines } from '../analysis/missing-lines.ts';
import { BIN_MS, scheduled, sum } from '../analysis/timeline.ts';
import { binsIn, LATE_MS, type RunView } from '../analysis/view.ts';

export const title = 'The load was what it was said to be';
export const scope = 'run';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Largest share of arrivals that may be dropped outside fault windows. */
  droppedShare: z.number().min(0).max(1).default(0.001),
  /** Largest share of writes outside fault windows that the generator may start more than 250 ms late. */
  lateShare: z.number().min(0).max(1).default(0.01),
  /** Largest mean share of the machine, over ten seconds, that others may take: other processes, the hypervisor. */
  foreign: z.number().min(0).max(1).default(0.15),
  steal: z.number().min(0).max(1).default(0.1),
});
type Options = z.infer<typeof options>;

/** The wall clock may move this far against the monotonic one: it places the ledger on the run's clock. */
const CLOCK_STEP_MS = 500;
/** Of a load that was stopped sooner nothing can be said about the generator, milliseconds. */
const LEAST_STOPPED_MS = 5_000;
/** Share of the seconds of the load in which the host, and the clocks, must have been looked at. */
const LOOKED_AT_SHARE = 0.8;
/** A look at the clocks speaks for this long before and after it: they are looked at every few seconds. */
const CLOCK_REACH_MS = 10_000;
/** Each write's lag is read to a millisecond: so many arrivals' worth of drops cannot be told from none. */
const LAG_RESOLUTION_MS = 5;

export function judge(view: RunView, given: Options): Judgement {
  const { judged, timeline } = view;
  if (!judged || !timeline) {
    const evidence = [history('load.started'), history('run.ended')];
    return view.stopped === null
      ? { verdict: 'invalid', reason: 'no judged load was started', evidence }
      : { verdict: 'not_run', reason: `no judged load was started: ${view.stopped}.`, evidence };
  }
  if (view.stopped !== null && timeline.toMs - timeline.fromMs < LEAST_STOPPED_MS) {
    const evidence = [history('load.ended'), history('run.ended')];
    const length = seconds(timeline.toMs - timeline.fromMs);
    return {
      verdict: 'inconclusive',
      reason: `only ${length} of the load could be judged: ${view.stopped}.`,
      evidence,
    };
  }
  const outside = sum(binsIn(view));
  const asked = scheduled(outside);
  const droppedShare = asked === 0 ? 0 : outside.dropped / asked;
  const wrong = [
    ...(scheduled(sum(timeline.bins)) === 0 ? ['no write of the judged load was seen'] : []),
    ...(droppedShare > given.droppedShare
      ? [
          `${outside.dropped} of ${asked} arrivals (${percent(droppedShare)}) were dropped outside fault windows`,
        ]
      : []),
    ...late(outside.late, asked, given.lateShare),
    ...judged.runners.flatMap((load) => ended(load, judged, view)),
    ...missingLines(view),
    ...judged.runners.flatMap((load) => crossCheck(load, whoIs(load, judged))),
    ...host(view, given),
    ...clock(view),
    ...gaps(view),
  ];
  const dropped = `${outside.dropped} of ${asked} arrivals dropped outside fault windows (${percent(droppedShare)})`;
  const common = {
    observed: { value: droppedShare, unit: 'share dropped' },
    expected: { value: given.droppedShare, unit: 'share dropped, at most' },
    windowMs: [timeline.fromMs, timeline.toMs] satisfies [number, number],
    evidence: [...loadEvidence(view), ...['load.ended', 'host', 'clock'].map(history)],
  };
  if (wrong.length > 0) return { verdict: 'invalid', reason: `${wrong.join('; ')}.`, ...common };
  const worst = Math.max(0, ...view.host.windows.map((window) => window.foreign + window.steal));
  return {
    verdict: 'pass',
    reason: `${dropped}, ${outside.late} started more than ${LATE_MS} ms late; others took at most ${percent(worst)} of the machine; ${endWords(judged, view.stopped)}.`,
    ...common,
  };
}

function late(count: number, asked: number, limit: number): string[] {
  if (asked === 0 || count / asked <= limit) return [];
  return [
    `the generator started ${count} of ${asked} writes (${percent(count / asked)}) more than ${LATE_MS} ms late outside fault windows`,
  ];
}

/** With several runners each is named. */
function whoIs({ runner }: LoadView, { runners }: JudgedLoad): string {
  return runners.length > 1 ? `runner ${runner}` : 'the generator';
}

function endWords({ runners }: JudgedLoad, stopped: string | null): string {
  const several = runners.length > 1;
  if (stopped === null)
    return several ? `all ${runners.length} runners ended by themselves` : 'it ended by itself';
  const whys = runners.flatMap(({ runner, ended: end }) =>
    end ? [several ? `${runner}: ${end.why}` : end.why] : [],
  );
  return `it was stopped (${[stopped, ...whys].join('; ')})`;
}

function ended(load: LoadView, judged: JudgedLoad, { stopped, stoppedAtMs }: RunView): string[] {
  const { ended: end } = load;
  const several = judged.runners.length > 1;
  if (!end) return [`the end of ${several ? `runner ${load.runner}` : 'the load'} was not seen`];
  // What ended before the harness stopped the run was not ended by it.
  if (end.exitCode === 0 || (stopped !== null && end.at > (stoppedAtMs ?? Number.NEGATIVE_INFINITY)))
    return [];
  const how =
    end.signal !== null
      ? `by ${end.signal}`
      : end.exitCode === null
        ? 'without a code'
        : `with code ${end.exitCode}`;
  return [`${whoIs(load, judged)} ended ${how} (${end.why})`];
}

/** The ledger's own count of drops against the generator's: two instruments that disagree measure nothing. */
function crossCheck({ ended: end, droppedSeen, ratePerS }: LoadView, who: string): string[] {
  const told = end?.dropped ?? null;
  // The ledger shows a drop by the next write that starts: not where a load was ended in the middle of them.
  if (told === null || end?.exitCode !== 0) return [];
  const tolerance = Math.max(10, told * 0.05, (ratePerS * LAG_RESOLUTION_MS) / 1_000);
  if (Math.abs(told - droppedSeen) <= tolerance) return [];
  return [`${who} counted ${told} dropped arrivals, its ledger shows ${droppedSeen}`];
}

function host(view: RunView, limits: Options): string[] {
  const { samples, windows } = view.host;
  if (samples === 0) return ['the host was not observed'];
  const unseen = windows.filter((window) => window.samples === 0);
  const share = lookedAt(view, 'host', 0);
  return [
    ...(share < LOOKED_AT_SHARE ? [`the host was looked at in ${percent(share)} of the seconds`] : []),
    ...(unseen[0] ? [`the host was not observed ${when(unseen[0])}${others(unseen.length)}`] : []),
    ...above('other processes took', 'foreign', windows, limits.foreign),
    ...above('the hypervisor took', 'steal', windows, limits.steal),
  ];
}

/** The worst of the windows in which somebody took more than allowed. */
function above(
  who: string,
  what: 'foreign' | 'steal',
  windows: readonly HostWindow[],
  limit: number,
): string[] {
  const over = windows.filter((window) => window[what] > limit).toSorted((a, b) => b[what] - a[what]);
  const [worst] = over;
  return worst ? [`${who} ${percent(worst[what])} of the machine ${when(worst)}${others(over.length)}`] : [];
}

function when({ fromMs, toMs }: HostWindow): string {
  return `from ${seconds(fromMs)} to ${seconds(toMs)}`;
}

function others(count: number): string {
  return count > 1 ? ` (and in ${count - 1} more windows)` : '';
}

/** Share of the judged seconds in which there was a look, or one at most `reachMs` away. */
function lookedAt({ events, timeline }: RunView, kind: 'host' | 'clock', reachMs: number): number {
  const bins = timeline?.bins ?? [];
  const times = eventsOf(events, kind).map(({ at }) => at);
  let next = 0;
  const seen = bins.filter(({ fromMs, toMs }) => {
    while (next < times.length && (times[next] ?? 0) < fromMs - reachMs) next += 1;
    // A look that comes every second may fall just outside its own.
    return (times[next] ?? Number.POSITIVE_INFINITY) < Math.max(toMs, fromMs + BIN_MS) + reachMs;
  });
  return bins.length === 0 ? 0 : seen.length / bins.length;
}

function clock(view: RunView): string[] {
  const { events } = view;
  const share = lookedAt(view, 'clock', CLOCK_REACH_MS);
  if (share < LOOKED_AT_SHARE) return [`the clocks were looked at in ${percent(share)} of the seconds`];
  const offsets = events.flatMap((event) =>
    event.kind === 'run.started' || event.kind === 'clock'
      ? [{ at: event.at, ms: event.wallMs - event.at }]
      : [],
  );
  for (const { at, ms } of offsets) {
    const moved = ms - (offsets[0]?.ms ?? ms);
    if (Math.abs(moved) > CLOCK_STEP_MS)
      return [`the wall clock had moved by ${Math.round(moved)} ms at ${seconds(at)}`];
  }
  return [];
}

function gaps({ events, judged }: RunView): string[] {
  return eventsOf(events, 'gap')
    .filter(
      ({ what, fromMs, toMs }) =>
        /\bload\b/.test(what) && judged && toMs > judged.fromMs && fromMs < judged.toMs,
    )
    .map(
      ({ fromMs, toMs, why }) =>
        `the load was not observed from ${seconds(fromMs)} to ${seconds(toMs)} (${why})`,
    );
}
