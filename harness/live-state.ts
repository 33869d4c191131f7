/** What a run looks like while it goes on, from its events alone. `live-text.ts` puts it in words. */
import type { Event, EventOf, Plan } from '../record/model.ts';
import type { Progress } from './observer.ts';

export interface LiveState {
  readonly plan: Plan;
  phases: { name: EventOf<'phase'>['phase']; fromMs: number }[];
  endedMs: number | null;
  ratePerS: number | null;
  /** The judged load, as its first runner told it; the rate is that of all runners. */
  load: EventOf<'load.started'> | null;
  /** Runners of the judged load that have not ended. */
  runners: Set<string>;
  loading: boolean;
  last: Progress | null;
  /** The last second of the load before the judged one; null once that is over. */
  before: Progress | null;
  total: { acked: number; failed: number; unknown: number };
  /** Pods that exist, by uid. */
  ready: Map<string, boolean>;
  /** Faults that were begun. */
  faults: Map<string, { targets: string[]; state: 'aimed' | 'acting' | 'over'; sinceMs: number }>;
  busy: number | null;
}

export function newState(plan: Plan): LiveState {
  return {
    plan,
    phases: [],
    endedMs: null,
    ratePerS: null,
    load: null,
    runners: new Set(),
    loading: false,
    last: null,
    before: null,
    total: { acked: 0, failed: 0, unknown: 0 },
    ready: new Map(),
    faults: new Map(),
    busy: null,
  };
}

export function followSecond(state: LiveState, second: Progress): void {
  if (second.before !== undefined) {
    state.before = second;
    return;
  }
  state.last = second;
  state.total.acked += second.acked;
  state.total.failed += second.failed;
  state.total.unknown += second.unknown;
}

export function followEvent(state: LiveState, event: Event): void {
  switch (event.kind) {
    case 'phase':
      state.phases.push({ name: event.phase, fromMs: event.at });
      state.before = null;
      break;
    case 'run.ended':
      state.endedMs = event.at;
      break;
    case 'rate':
      state.ratePerS = event.ratePerS;
      break;
    case 'load.started':
      if (event.judged) {
        const ratePerS = event.ratePerS + (state.load?.ratePerS ?? 0);
        state.load = { ...(state.load ?? event), ratePerS };
        state.runners.add(event.runner);
        state.loading = true;
      }
      break;
    case 'load.ended':
      if (state.runners.delete(event.runner)) state.loading = state.runners.size > 0;
      break;
    case 'pod':
      if (event.state === 'deleted') state.ready.delete(event.uid);
      else state.ready.set(event.uid, isReady(event.state, state.ready.get(event.uid) ?? false));
      break;
    case 'fault.intent':
      state.faults.set(event.fault, { targets: event.targets, state: 'aimed', sinceMs: event.at });
      break;
    case 'fault.proof':
      if (event.saw !== 'elsewhere')
        setFault(state, event.fault, event.saw === 'acting' ? 'acting' : 'over', event.at);
      break;
    case 'fault.healed':
    case 'fault.failed':
      setFault(state, event.fault, 'over', event.at);
      break;
    case 'host':
      state.busy = event.busy;
      break;
    default:
  }
}

/** A signal alone does not make a pod unready: that is the endpoints' business, and the platform reports it. */
function isReady(podState: EventOf<'pod'>['state'], before: boolean): boolean {
  if (podState === 'ready') return true;
  return before && podState === 'sigterm';
}

function setFault(state: LiveState, name: string, next: 'acting' | 'over', atMs: number): void {
  const fault = state.faults.get(name);
  state.faults.set(name, { targets: fault?.targets ?? [], state: next, sinceMs: atMs });
}
