/**
 * No container is restarted by its own probes, and none crashes. A liveness probe that fails while the pod only waits for something
 * else turns an outage into a restart: a finding about the manifest, with its arithmetic.
 */
import { z } from 'zod';
import { history, type Judgement, provenFault, seconds, unwatchedPods } from '../analysis/check.ts';
import type { FaultView } from '../analysis/faults.ts';
import { eventsOf } from '../analysis/load-view.ts';
import type { RunView } from '../analysis/view.ts';
import type { EventOf, Expectation } from '../record/model.ts';

export const title = 'No pod restarts';
export const scope = 'either';
export const restsOn = 'load';

export const options = z.strictObject({});

type PodEvent = EventOf<'pod'>;

const CAUSE = /^(liveness|startup|crash)\b/;
/** How a reason names a container that is not the pod's first. */
const OTHER_CONTAINER = / of container \S+$/;

export function judge(view: RunView, _: unknown, { during }: Pick<Expectation, 'during'>): Judgement {
  let windowMs: FaultView['windowMs'] = null;
  if (during !== undefined) {
    const { fault, refused } = provenFault(view, during);
    if (refused) return refused;
    windowMs = fault.windowMs;
  }
  const pods = eventsOf(view.events, 'pod');
  const all = restartsOf(pods);
  const own = doneBy(view.faults, all);
  const restartsIn = (some: readonly PodEvent[]) =>
    some.filter(({ at }) => !windowMs || (at >= windowMs[0] && at < windowMs[1]));
  const restarts = restartsIn(all.filter((restart) => !own.has(restart)));
  const common = {
    observed: { value: restarts.length, unit: 'restarts' },
    expected: { value: 0, unit: 'restarts' },
    ...(windowMs ? { windowMs } : {}),
    evidence: [history('pod'), 'plan.json'],
  };
  const arithmetic = livenessWords(view);
  if (restarts.length > 0) {
    const found = restarts.map(({ pod, at, why }) => {
      const fault = view.faults.find((f) => f.windowMs !== null && at >= f.windowMs[0] && at < f.windowMs[1]);
      return `${pod} at ${seconds(at)} (${why ?? 'it came back, and why it ended was not seen'}${fault ? `; in the window of ${fault.name}` : ''})`;
    });
    return {
      verdict: 'fail',
      reason: `${restarts.length} restarts: ${found.join(', ')}; ${arithmetic}.`,
      ...common,
    };
  }
  if (!pods.some(({ state }) => state === 'ready'))
    return { verdict: 'inconclusive', reason: 'no pod was watched.', ...common };
  const unwatched = unwatchedPods(view, windowMs);
  if (unwatched !== null) return { verdict: 'inconclusive', reason: `${unwatched}.`, ...common };
  const watched = new Set(pods.map(({ uid }) => uid)).size;
  const ended = restartsIn([...own]).length;
  const aside = ended === 0 ? '' : ` but for ${ended} containers that a fault ended itself`;
  return { verdict: 'pass', reason: `none of ${watched} pods restarted${aside}; ${arithmetic}.`, ...common };
}

/** The first event of each restart: the signal, the exit where none was needed, or the new start where neither was seen. */
function restartsOf(pods: readonly PodEvent[]): PodEvent[] {
  const stopping = new Set<string>();
  const counted = new Set<string>();
  return pods.filter(({ uid, state, why = '', restarts = 0 }) => {
    const container = `${uid}${OTHER_CONTAINER.exec(why)?.[0] ?? ''}`;
    if (state === 'started') return restarts >= 1 && !counted.delete(container);
    const first =
      CAUSE.test(why) && ['sigterm', 'sigkill', 'exited'].includes(state) && !stopping.has(container);
    if (first) {
      stopping.add(container);
      counted.add(container);
    }
    if (state === 'exited') stopping.delete(container);
    return first;
  });
}

/** Containers that a fault ended by itself: of each target as many, from its intent until it was gone. What a probe or too little memory ended is not its doing. */
function doneBy(faults: readonly FaultView[], restarts: readonly PodEvent[]): Set<PodEvent> {
  const own = faults.flatMap(({ restartsEach, targets, intentAtMs, goneAtMs, windowMs }) =>
    targets.flatMap((target) =>
      restarts
        .filter(
          ({ pod, at, why = '' }) =>
            pod === target &&
            intentAtMs !== null &&
            at >= intentAtMs &&
            at <= (goneAtMs?.[1] ?? windowMs?.[1] ?? intentAtMs) &&
            !/^(liveness|startup)\b|OOMKilled/.test(why),
        )
        .slice(0, restartsEach),
    ),
  );
  return new Set(own);
}

/** What the manifest allows, beside what the faults asked of it. */
function livenessWords({ plan, faults }: RunView): string {
  const { liveness } = plan.workload;
  if (!liveness) return 'the manifest has no liveness probe';
  const limitMs = liveness.failures * liveness.periodMs;
  // Only a fault with a length of its own keeps a probe from answering all the while; a rollout does not.
  const lasting = new Set(plan.faults.flatMap(({ name, forMs }) => (forMs === undefined ? [] : [name])));
  const outages = faults
    .filter(({ name }) => lasting.has(name))
    .flatMap((fault) => outageWords(fault, limitMs));
  return `liveness gives up after ${liveness.failures} x ${seconds(liveness.periodMs)} = ${seconds(limitMs)}${outages.length > 0 ? `: ${outages.join(', ')}` : ''}`;
}

function outageWords({ name, momentary, actingFromMs, goneAtMs }: FaultView, limitMs: number): string[] {
  if (momentary || !actingFromMs || !goneAtMs) return [];
  const lengthMs = goneAtMs[1] - actingFromMs[0];
  return [`${name} lasted ${seconds(lengthMs)}, ${lengthMs > limitMs ? 'longer' : 'not longer'} than that`];
}
