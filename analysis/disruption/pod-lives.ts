/** Lives of the pods under test as far as requests feel them: their ends, their starts, and how many were ready. Pure. */
import type { EventOf } from '../../record/model.ts';
import { eventsOf } from '../load-view.ts';
import type { RunView } from '../view.ts';
import { endsOf, type PodEnd } from './pod-ends.ts';
import { watchedEnds } from './watched-pods.ts';

export interface PodStart {
  pod: string;
  readyMs: number;
  /** From here on requests may come. */
  firstEndpointMs: number;
}

export interface PodLives {
  ends: PodEnd[];
  starts: PodStart[];
  /** The smallest number of ready endpoints between two moments; null before they were first told. */
  fewestReady(fromMs: number, toMs: number): number | null;
}

/** Of all pods under test, from the history and, on a cluster, its watch log. */
export function podLives(view: Pick<RunView, 'events' | 'plan' | 'watch'>): PodLives {
  const told = eventsOf(view.events, 'pod');
  const endpoints = eventsOf(view.events, 'endpoints');
  const watched = watchedEnds(view);
  const lives = [...new Set(told.map(({ uid }) => uid))].map((uid) =>
    told.filter((event) => event.uid === uid),
  );
  const ends = lives.flatMap((events) => endsOf(events, view, watched, endpoints));
  return {
    ends: ends.toSorted((a, b) => a.t0Ms[0] - b.t0Ms[0]),
    starts: lives.flatMap((events) => startsOf(events, endpoints)),
    fewestReady: (fromMs, toMs) => fewestReady(endpoints, fromMs, toMs),
  };
}

/** The first time that each container of a pod became ready. */
function startsOf(events: readonly EventOf<'pod'>[], endpoints: readonly EventOf<'endpoints'>[]): PodStart[] {
  return events.flatMap(({ state, pod, at }, index) => {
    if (state !== 'started') return [];
    const later = events.slice(index + 1);
    const end = later.findIndex((event) => event.state === 'exited' || event.state === 'terminating');
    const ready = (end < 0 ? later : later.slice(0, end)).find((event) => event.state === 'ready');
    if (ready === undefined) return [];
    const first = endpoints.find((change) => change.at >= at && change.ready.includes(pod));
    return [{ pod, readyMs: ready.at, firstEndpointMs: first?.at ?? ready.at }];
  });
}

function fewestReady(
  endpoints: readonly EventOf<'endpoints'>[],
  fromMs: number,
  toMs: number,
): number | null {
  let fewest: number | null = null;
  for (const { at, ready } of endpoints) {
    if (at > toMs) break;
    fewest = at <= fromMs || fewest === null ? ready.length : Math.min(fewest, ready.length);
  }
  return fewest;
}
