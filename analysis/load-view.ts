/** Every load of a run with its place on the run's clock. */
import type { Event, EventOf } from '../record/model.ts';

export interface LoadView {
  runner: string;
  judged: boolean;
  /** Where the runner's ledger counts from, on the run's clock. */
  anchorMs: number;
  /** Judged from here (after the warm-up) to there. */
  fromMs: number;
  toMs: number;
  ratePerS: number;
  pointsPerWrite: number;
  vus: number;
  started: EventOf<'load.started'>;
  ended: EventOf<'load.ended'> | null;
  /** Dropped arrivals of the whole load, warm-up included, as the ledger shows them. */
  droppedSeen: number;
}

/** All events of one kind, typed. */
export function eventsOf<K extends Event['kind']>(events: readonly Event[], kind: K): EventOf<K>[] {
  return events.filter((event): event is EventOf<K> => event.kind === kind);
}

/** From events in the order of time. */
export function loadViews(events: readonly Event[]): LoadView[] {
  const clocks = events.filter((event) => event.kind === 'run.started' || event.kind === 'clock');
  const last = events.at(-1)?.at ?? 0;
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
      fromMs,
      toMs: Math.max(fromMs, Math.min(anchorMs + started.forMs, ended?.at ?? last)),
      ratePerS: started.ratePerS,
      pointsPerWrite: started.pointsPerWrite,
      vus: started.vus,
      started,
      ended,
      droppedSeen: 0,
    };
  });
}
