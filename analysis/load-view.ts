/** Every load of a run with its place on the run's clock. */
import type { Event, EventOf } from '../record/model.ts';

export interface LoadView {
  runner: string;
  judged: boolean;
  /** Where the runner's ledger counts from, on the run's clock. */
  anchorMs: number;
  /** How far that may be off, and every time of its ledger with it, ms; 0 on the harness's own clock, and where nobody knows. */
  anchorBoundMs: number;
  /** Judged from here (after the warm-up) to there. */
  fromMs: number;
  toMs: number;
  ratePerS: number;
  pointsPerWrite: number;
  vus: number;
  started: EventOf<'load.started'>;
  ended: EventOf<'load.ended'> | null;
  /** Why its ledger may lack its end, so that more may have been written than it says; null = it was closed in good order. */
  open: string | null;
  /** Writes that somebody else than the ledger counted, so that a line must be there for each; null = nobody did. */
  counted: { count: number; by: string } | null;
  /** As many writes as the runner can have sent. */
  maxWrites: number;
  /** Dropped arrivals of the whole load, warm-up included, as the ledger shows them. */
  droppedSeen: number;
  /** Arrivals that the ledger shows, dropped ones included, by second of the judged load's timeline; of a judged load with a ledger only. */
  arrivals: number[];
}

/** The judged load as one: that of a single k6, or of several runners that share its schedule. */
export interface JudgedLoad {
  /** In the order in which they began; never empty. */
  runners: readonly LoadView[];
  /** From the earliest of them on, to the end of the last: a runner that fell silent before the others takes no second away. */
  anchorMs: number;
  fromMs: number;
  toMs: number;
  /** Of all of them together. */
  ratePerS: number;
  pointsPerWrite: number;
  droppedSeen: number;
}

/** Windows are told to a tenth of a second and judged in whole ones: a clock that is off by less moves nothing. */
const SHARP_MS = 1_000;

/** `the times of load-2 are known to +- 2.3 s only`: of the runner whose clock is known worst, where that may move writes between windows; else null. */
export function blurredTimes(loads: readonly LoadView[]): string | null {
  const worst = loads.reduce<LoadView | null>(
    (a, b) => (b.anchorBoundMs > (a?.anchorBoundMs ?? SHARP_MS) ? b : a),
    null,
  );
  return (
    worst && `the times of ${worst.runner} are known to +- ${(worst.anchorBoundMs / 1_000).toFixed(1)} s only`
  );
}

/** Null when no judged load was ever started. */
export function judgedLoad(loads: readonly LoadView[]): JudgedLoad | null {
  const runners = loads.filter(({ judged }) => judged);
  const [first] = runners;
  if (first === undefined) return null;
  const total = (of: (load: LoadView) => number) => runners.reduce((sum, load) => sum + of(load), 0);
  return {
    runners,
    anchorMs: Math.min(...runners.map(({ anchorMs }) => anchorMs)),
    fromMs: Math.min(...runners.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...runners.map(({ toMs }) => toMs)),
    ratePerS: total(({ ratePerS }) => ratePerS),
    pointsPerWrite: first.pointsPerWrite,
    droppedSeen: total(({ droppedSeen }) => droppedSeen),
  };
}

/** All events of one kind, typed. */
export function eventsOf<K extends Event['kind']>(events: readonly Event[], kind: K): EventOf<K>[] {
  return events.filter((event): event is EventOf<K> => event.kind === kind);
}

/** From events in the order of time. */
export function loadViews(events: readonly Event[]): LoadView[] {
  const clocks = events.filter((event) => event.kind === 'run.started' || event.kind === 'clock');
  const last = events.at(-1)?.at ?? 0;
  // What is left of a run that crashed goes down in any order from here on.
  const undoneMs = eventsOf(events, 'phase').find(({ phase }) => phase === 'undo')?.at ?? last;
  return eventsOf(events, 'load.started').map((started) => {
    // The last look at both clocks before the load began turns its wall-clock anchor into the run's time.
    const clock = clocks.findLast(({ at }) => at <= started.at) ?? clocks[0];
    const anchorMs = clock ? started.wallMs - (clock.wallMs - clock.at) : started.at;
    const ended = eventsOf(events, 'load.ended').find(({ runner }) => runner === started.runner) ?? null;
    const fromMs = anchorMs + started.warmupMs;
    return {
      runner: started.runner,
      judged: started.judged,
      anchorMs,
      anchorBoundMs: ended?.anchorBoundMs ?? 0,
      fromMs,
      toMs: Math.max(fromMs, Math.min(anchorMs + started.forMs, ended?.at ?? last, undoneMs)),
      ratePerS: started.ratePerS,
      pointsPerWrite: started.pointsPerWrite,
      vus: started.vus,
      started,
      ended,
      open: openEnd(events, started, ended),
      counted: countedBy(events, started, ended),
      maxWrites: maxWrites(started, ended, last),
      droppedSeen: 0,
      arrivals: [],
    };
  });
}

/** The harness keeps the ledger of its own writes itself, by no schedule: its length is told as 0, and its end is that of the run. */
function openEnd(
  events: readonly Event[],
  { forMs }: EventOf<'load.started'>,
  ended: EventOf<'load.ended'> | null,
): string | null {
  if (forMs === 0) {
    const whole = eventsOf(events, 'run.ended').length > 0 && eventsOf(events, 'run.crashed').length === 0;
    return whole ? null : 'the harness, which kept it, did not come to its end';
  }
  if (ended === null) return 'the end of its writer was not recorded';
  return ended.iterations === null ? 'its writer left no count of its writes' : null;
}

/** Counted by the generator itself, or what its schedule allows; and one more for each virtual user, which may have been cut off. */
function maxWrites(
  { at, ratePerS, forMs, vus }: EventOf<'load.started'>,
  ended: EventOf<'load.ended'> | null,
  lastMs: number,
): number {
  const byScheduleS = Math.max(forMs, lastMs - at) / 1_000;
  return (ended?.iterations ?? Math.ceil(ratePerS * byScheduleS) + 1) + vus;
}

function countedBy(
  events: readonly Event[],
  { forMs }: EventOf<'load.started'>,
  ended: EventOf<'load.ended'> | null,
): LoadView['counted'] {
  // Every look at whether a pod serves was a write, and its line was written first.
  if (forMs === 0) return { count: eventsOf(events, 'serves').length, by: 'looks told by the history' };
  const count = ended?.iterations ?? null;
  return count === null ? null : { count, by: 'iterations counted by the generator' };
}
