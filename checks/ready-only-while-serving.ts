/**
 * Ready means that a client would be served. A pod may be ready without serving for as long as its own readiness probe needs to
 * notice: failures x period + timeout, plus one look of ours. One write through each pod tells whether it serves.
 */
import { z } from 'zod';
import { history, type Judgement, seconds } from '../analysis/check.ts';
import { eventsOf } from '../analysis/load-view.ts';
import type { RunView } from '../analysis/view.ts';
import type { EventOf } from '../record/model.ts';

export const title = 'A pod is ready only while it serves';
export const scope = 'run';
export const restsOn = 'load';

export const options = z.strictObject({});

type Sample = EventOf<'serves'>;

interface Stretch {
  pod: string;
  fromMs: number;
  toMs: number;
  detail: string;
}

/** Two looks further apart than this many usual ones, and the patience of one that hangs, are not one stretch: what was between them was not seen. */
const MAX_MISSED = 3;
/** A look gives up on an answer after 2 s, and the next begins with the next second. */
const HANGS_MS = 3_000;
/** How often a pod is looked at by plan: a slow machine, whose looks are further apart, does not make more allowed. */
const PLANNED_MS = 1_000;
/** In a fault's window a ready pod must be looked at half as often as it would be if every look hung. */
const LEAST_LOOKS_PER_S = 0.5 / 3;
/** In less than this one look less decides, seconds. */
const LEAST_READY_S = 6;

export function judge(view: RunView): Judgement {
  const samples = eventsOf(view.events, 'serves');
  const evidence = [history('serves'), 'plan.json'];
  if (samples.length === 0)
    return { verdict: 'inconclusive', reason: 'no pod was asked whether it serves', evidence };
  const pods = byPod(samples);
  const cadenceMs = median([...pods.values()].flatMap(distances));
  const { readiness } = view.plan.workload;
  const noticesMs = readiness ? readiness.periodMs * readiness.failures + readiness.timeoutMs : 0;
  const allowedMs = noticesMs + Math.min(cadenceMs, PLANNED_MS);
  const gaps = eventsOf(view.events, 'gap').filter(({ what }) => /\b(pods?|serves|history)\b/.test(what));
  const stretches = [...pods.values()].flatMap((own) => stretchesOf(own, cadenceMs, gaps));
  const tooLong = stretches.filter(({ fromMs, toMs }) => toMs - fromMs > allowedMs);
  const longestMs = Math.max(0, ...stretches.map(({ fromMs, toMs }) => toMs - fromMs));
  const notServing = samples.filter(({ serves }) => !serves).length;
  const rule = readiness
    ? `${readiness.failures} probes every ${seconds(readiness.periodMs)} with ${seconds(readiness.timeoutMs)} of patience, and a look every ${seconds(cadenceMs)}`
    : `it has no readiness probe; a look every ${seconds(cadenceMs)}`;
  const risk = `${notServing} of ${samples.length} looks at ${pods.size} pods found one that did not serve`;
  const common = {
    observed: { value: longestMs / 1_000, unit: 's ready without serving' },
    expected: { value: allowedMs / 1_000, unit: 's, at most' },
    evidence,
  };
  if (tooLong.length > 0) {
    const worst = tooLong.toSorted((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs)).slice(0, 10);
    const words = worst.map(
      ({ pod, fromMs, toMs, detail }) =>
        `${pod} for ${seconds(toMs - fromMs)} from ${seconds(fromMs)} (${detail})`,
    );
    const more = tooLong.length - worst.length;
    return {
      verdict: 'fail',
      reason: `ready and not serving: ${words.join(', ')}${more > 0 ? ` and ${more} more` : ''}; allowed are ${seconds(allowedMs)} (${rule}), each time is known to ${seconds(2 * cadenceMs)}; ${risk}.`,
      windowMs: [Math.min(...tooLong.map((s) => s.fromMs)), Math.max(...tooLong.map((s) => s.toMs))],
      ...common,
    };
  }
  const unseen = [
    ...gaps.map(
      ({ fromMs, toMs, why }) =>
        `pods were not looked at from ${seconds(fromMs)} to ${seconds(toMs)} (${why})`,
    ),
    ...seldomLookedAt(view, pods),
  ];
  if (unseen.length > 0)
    return { verdict: 'inconclusive', reason: `${unseen.slice(0, 5).join('; ')}; ${risk}.`, ...common };
  if (notServing === 0 && view.faults.length > 0)
    return {
      verdict: 'inconclusive',
      reason: `${risk}: no fault brought a pod to where it had to leave the Service, so the probe was not put to the test.`,
      ...common,
    };
  return {
    verdict: 'pass',
    reason: `no pod was ready without serving for more than ${seconds(longestMs)} (allowed: ${seconds(allowedMs)}: ${rule}); ${risk}.`,
    ...common,
  };
}

/** Runs of looks, one after the other, that found the pod ready and not serving: from the first to the last of them, which is certain. */
function stretchesOf(
  samples: readonly Sample[],
  cadenceMs: number,
  gaps: readonly EventOf<'gap'>[],
): Stretch[] {
  const found: Stretch[] = [];
  let open: Stretch | null = null;
  let previousMs = 0;
  for (const { pod, at, ready, serves, detail } of samples) {
    const unseen = gaps.some(({ fromMs, toMs }) => toMs > previousMs && fromMs < at);
    if (open && (unseen || at - previousMs > MAX_MISSED * cadenceMs + HANGS_MS)) open = null;
    previousMs = at;
    if (!ready || serves) open = null;
    else if (open) open.toMs = at;
    else found.push((open = { pod, fromMs: at, toMs: at, detail }));
  }
  return found;
}

/** Pods that were ready in a fault's window and hardly looked at then. */
function seldomLookedAt(view: RunView, pods: ReadonlyMap<string, readonly Sample[]>): string[] {
  const events = eventsOf(view.events, 'pod');
  const names = new Map(events.map(({ uid, pod }) => [uid, pod]));
  return view.faults.flatMap(({ name, windowMs }) =>
    windowMs === null
      ? []
      : [...names].flatMap(([uid, pod]) => {
          const ready = readyWithin(
            events.filter((event) => event.uid === uid),
            windowMs,
          );
          const lengthS = ready.reduce((total, [fromMs, toMs]) => total + toMs - fromMs, 0) / 1_000;
          const looks = (pods.get(uid) ?? []).filter(({ at }) =>
            ready.some(([fromMs, toMs]) => at >= fromMs && at < toMs),
          ).length;
          return lengthS < LEAST_READY_S || looks >= lengthS * LEAST_LOOKS_PER_S
            ? []
            : [
                `${pod} was ready for ${lengthS.toFixed(1)} s in the window of ${name} and looked at ${looks} times`,
              ];
        }),
  );
}

/** Stretches of a window in which a pod was ready, by its own events. */
function readyWithin(
  events: readonly EventOf<'pod'>[],
  [fromMs, toMs]: [number, number],
): [number, number][] {
  const found: [number, number][] = [];
  let sinceMs: number | null = null;
  const until = (atMs: number) => {
    if (sinceMs !== null && Math.min(atMs, toMs) > Math.max(sinceMs, fromMs))
      found.push([Math.max(sinceMs, fromMs), Math.min(atMs, toMs)]);
    sinceMs = null;
  };
  for (const { state, at } of events) {
    if (state === 'ready') sinceMs ??= at;
    else if (state !== 'created' && state !== 'started') until(at);
  }
  until(toMs);
  return found;
}

function byPod(samples: readonly Sample[]): Map<string, Sample[]> {
  const pods = new Map<string, Sample[]>();
  for (const sample of samples) {
    const own = pods.get(sample.uid);
    if (own) own.push(sample);
    else pods.set(sample.uid, [sample]);
  }
  return pods;
}

function distances(samples: readonly Sample[]): number[] {
  return samples.slice(1).map(({ at }, index) => at - (samples[index]?.at ?? at));
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? 1_000;
}
