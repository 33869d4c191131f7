/**
 * A small cluster in numbers, to see how long the model takes and by which sizes it goes: a controller that syncs, pods that start, become
 * Ready and go, and a metrics API that lags as metrics-server over cAdvisor does.
 *
 * Times are milliseconds on one clock; those that the API server writes down (startTime, lastTransitionTime, timestamp) lie on its whole
 * seconds, for the controller as for everybody else.
 */
import { decide } from './decide.ts';
import { proposalOf, tolerancesOf } from './replicas.ts';
import {
  type ControllerParameters,
  type Decision,
  EMPTY_STATE,
  type HpaPod,
  type HpaSpec,
  type MetricSpec,
  type PodMetric,
} from './types.ts';

export interface SimulationOptions {
  /** 0..1, seeded. */
  random: () => number;
  spec: HpaSpec;
  parameters: ControllerParameters;
  startReplicas: number;
  forMs: number;
  /** By resource, of one pod, which has one container called `app`. */
  requestsMilli: Readonly<Record<string, number>>;
  /** What a resource's load needs over all pods, milli, spread evenly over those that are Ready. */
  demandMilli: (resource: string, atMs: number) => number;
  /** By resource: what each pod uses beside it. */
  idleMilli: Readonly<Record<string, number>>;
  /** Of CPU. */
  limitMilli: number | null;
  /** From created to Ready, shortest and longest. */
  readyAfterMs: readonly [number, number];
  /** Resolution of metrics-server. */
  metricsPeriodMs: number;
  /** The controller starts afresh before the first sync after this. */
  restartAtMs?: number;
}

interface SimulatedPod {
  name: string;
  createdAtMs: number;
  startedAtMs: number;
  /** Infinite: never. */
  readyAtMs: number;
  deletedAtMs: number;
  /** The object is gone. */
  goneAtMs: number;
}

/** What the metrics API has of one pod. */
interface Sample {
  atMs: number;
  windowMs: number;
  /** By resource, milli. */
  usage: Record<string, number>;
}

export interface SimulatedSync {
  atMs: number;
  current: number;
  decision: Decision;
}

/** From a scrape to its appearance in the API; cAdvisor's last sample is up to `SAMPLE_AGE_MS` older still. */
const SCRAPE_MS = 300;
const SAMPLE_AGE_MS = 8_000;
/** cAdvisor's first two samples of a container lie about this far apart. */
const FIRST_WINDOW_MS = 10_000;
const RECONCILE_MS = 200;
const TERMINATION_MS = 3_000;

export function simulate(options: SimulationOptions): SimulatedSync[] {
  const { random, spec, parameters, forMs, metricsPeriodMs } = options;
  const between = (low: number, high: number) => low + random() * (high - low);
  const pods: SimulatedPod[] = [];
  const latest = new Map<string, Sample>();
  const syncs: SimulatedSync[] = [];
  let restartAtMs = options.restartAtMs ?? Number.POSITIVE_INFINITY;
  let replicas = options.startReplicas;
  let state = EMPTY_STATE;

  const create = (atMs: number) => {
    const createdAtMs = atMs + between(50, 500);
    const [soonest, latestMs] = options.readyAfterMs;
    pods.push({
      name: `app-${pods.length}`,
      createdAtMs,
      startedAtMs: wholeSecond(createdAtMs + between(0, 300)),
      readyAtMs: createdAtMs + between(soonest, latestMs),
      deletedAtMs: Number.POSITIVE_INFINITY,
      goneAtMs: Number.POSITIVE_INFINITY,
    });
  };
  const resize = (atMs: number) => {
    const alive = pods.filter(({ deletedAtMs }) => deletedAtMs === Number.POSITIVE_INFINITY);
    for (let missing = replicas - alive.length; missing > 0; missing -= 1) create(atMs);
    for (const pod of alive
      .toSorted((a, b) => b.readyAtMs - a.readyAtMs)
      .slice(0, Math.max(0, alive.length - replicas))) {
      pod.deletedAtMs = atMs + between(50, 300);
      pod.goneAtMs = pod.deletedAtMs + between(0, TERMINATION_MS);
    }
  };
  const scrape = (atMs: number) => {
    for (const pod of pods) {
      if (pod.goneAtMs <= atMs || pod.startedAtMs + FIRST_WINDOW_MS > atMs) continue;
      const before = latest.get(pod.name);
      const endMs = Math.max(wholeSecond(atMs - random() * SAMPLE_AGE_MS), pod.startedAtMs + FIRST_WINDOW_MS);
      if (before && endMs <= before.atMs) continue;
      const windowMs = before ? endMs - before.atMs : FIRST_WINDOW_MS;
      const usage = usageOf(pod, endMs, windowMs, pods, options);
      const sample = { atMs: endMs, windowMs, usage };
      latest.set(pod.name, sample);
    }
  };

  // The pods that are there at the start have been there for long.
  for (let index = 0; index < replicas; index += 1)
    pods.push({
      name: `app-${index}`,
      createdAtMs: -3_600_000,
      startedAtMs: -3_600_000,
      readyAtMs: -3_590_000,
      deletedAtMs: Number.POSITIVE_INFINITY,
      goneAtMs: Number.POSITIVE_INFINITY,
    });
  let scrapeAtMs = -metricsPeriodMs * (1 + random());
  for (let atMs = random() * parameters.syncPeriodMs; atMs < forMs;) {
    for (; scrapeAtMs + SCRAPE_MS <= atMs; scrapeAtMs += metricsPeriodMs) scrape(scrapeAtMs);
    if (restartAtMs <= atMs) {
      restartAtMs = Number.POSITIVE_INFINITY;
      state = EMPTY_STATE;
    }
    const seen = pods.filter(({ createdAtMs, goneAtMs }) => createdAtMs <= atMs && atMs < goneAtMs);
    const known = new Map(
      seen.flatMap(({ name }) => {
        const sample = latest.get(name);
        return sample ? [[name, sample] as const] : [];
      }),
    );
    const hpaPods = seen.map((pod) => hpaPodOf(pod, atMs, options.requestsMilli));
    const proposals = spec.metrics.map((metric) =>
      proposalOf(metric, {
        specReplicas: replicas,
        statusReplicas: seen.filter(({ deletedAtMs }) => deletedAtMs > atMs).length,
        pods: hpaPods,
        podMetrics: metricsOf(metric, known),
        tolerances: tolerancesOf(spec, parameters),
        nowMs: atMs,
        parameters,
      }),
    );
    const decision = decide(state, { nowMs: atMs, current: replicas, spec, proposals, parameters });
    syncs.push({ atMs, current: replicas, decision });
    state = decision.next;
    if (decision.rescale && decision.desired !== null) {
      replicas = decision.desired;
      resize(atMs);
    }
    atMs += parameters.syncPeriodMs + between(10, RECONCILE_MS);
  }
  return syncs;
}

function wholeSecond(atMs: number): number {
  return Math.floor(atMs / 1_000) * 1_000;
}

/** A pod as the API has it at a time. */
function hpaPodOf(pod: SimulatedPod, atMs: number, requestsMilli: Readonly<Record<string, number>>): HpaPod {
  const isReady = pod.readyAtMs <= atMs;
  const started = pod.startedAtMs <= atMs;
  return {
    name: pod.name,
    phase: started ? 'Running' : 'Pending',
    deleted: pod.deletedAtMs <= atMs,
    ...(started
      ? {
          startedAtMs: pod.startedAtMs,
          ready: {
            status: isReady,
            changedAtMs: isReady ? wholeSecond(pod.readyAtMs) : pod.startedAtMs,
          },
        }
      : {}),
    containers: [{ name: 'app', requestsMilli }],
  };
}

function metricsOf({ name }: MetricSpec, known: ReadonlyMap<string, Sample>): Map<string, PodMetric> {
  return new Map(
    [...known].map(([pod, { usage, atMs, windowMs }]) => [
      pod,
      { valueMilli: usage[name] ?? 0, atMs, windowMs },
    ]),
  );
}

/** CPU is a mean over the window, taken at four points of it; memory is what it is at the window's end. */
function usageOf(
  pod: SimulatedPod,
  endMs: number,
  windowMs: number,
  pods: readonly SimulatedPod[],
  { idleMilli, requestsMilli, demandMilli, limitMilli }: SimulationOptions,
): Record<string, number> {
  const at = (resource: string, atMs: number) => {
    const idle = idleMilli[resource] ?? 0;
    if (pod.readyAtMs > atMs || pod.deletedAtMs <= atMs) return idle;
    let serving = 0;
    for (const { readyAtMs, deletedAtMs } of pods) if (readyAtMs <= atMs && atMs < deletedAtMs) serving += 1;
    return idle + demandMilli(resource, atMs) / serving;
  };
  const usage: Record<string, number> = {};
  for (const resource of Object.keys(requestsMilli)) {
    if (resource !== 'cpu') {
      usage[resource] = Math.round(at(resource, endMs));
      continue;
    }
    let sum = 0;
    for (const part of [0.125, 0.375, 0.625, 0.875])
      sum += Math.min(at(resource, endMs - part * windowMs), limitMilli ?? Number.POSITIVE_INFINITY);
    usage[resource] = Math.round(sum / 4);
  }
  return usage;
}
