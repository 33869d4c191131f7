/**
 * Puts a scenario's disturbances on the time line before anything starts: order and times come from the seed, the room each one
 * needs from the live manifests. Pure.
 */
import { formatDuration } from '../record/duration.ts';
import {
  type Disturbance,
  type PlannedFault,
  type Probe,
  type Scenario,
  UsageError,
  type Workload,
} from '../record/model.ts';
import { shuffled } from './random.ts';

/** Undisturbed load before the first fault, at least: what "healthy" means in this run is measured here. */
const BASELINE_MIN_MS = 6_000;
/** Undisturbed load after the last recovery, at least: the steady state has to be seen again. */
const TAIL_MIN_MS = 5_000;
/** A shorter cut could be over between two looks of its proof. */
const LEAST_CUT_MS = 1_000;
/** Before the blow (the window opens a second early) and between the end of one slot's recovery and the next fault. */
const MARGIN_MS = 2_500;

/** A load that is computed waits for a sample of every pod under the judged one: two windows of metrics-server. */
const SAMPLES_MS = 40_000;

export interface PlanInput {
  scenario: Scenario;
  workload: Workload;
  /** Lengths that the Chaos Mesh objects name themselves, by disturbance: used where the scenario names none. */
  durationsMs: Record<string, number>;
  /** From the start of a container to its open listener, milliseconds: the platform knows. */
  startMs: number;
  /** From injecting a fault that lasts until all of it acts, and again from healing it until all of it is gone, milliseconds. */
  faultLagMs: number;
  /** See Prepared. */
  scaleBackMs?: number;
  /** By disturbance: why the platform cannot play it. */
  notRun: Record<string, string>;
  random: () => number;
}

/** Faults with their times; throws UsageError when the load is too short for what these manifests need. */
export function planFaults({
  scenario,
  workload,
  durationsMs,
  startMs,
  faultLagMs,
  scaleBackMs = 0,
  notRun,
  random,
}: PlanInput): PlannedFault[] {
  const { load, good } = scenario;
  const slots = shuffled(scenario.disturb, random).map((disturbance) => {
    const forMs = lengthMs(disturbance, workload, faultLagMs) ?? durationsMs[disturbance.name];
    const actsMs = forMs ?? endsByItselfMs(disturbance.fault, workload, startMs);
    const isSurge = typeof disturbance.fault === 'object' && 'surge' in disturbance.fault;
    const settleMs = isSurge ? SAMPLES_MS + scaleBackMs : recoveryMs(workload, forMs ?? 0, startMs);
    const backMs = forMs === undefined ? 0 : 2 * faultLagMs + settleMs;
    const why = notRun[disturbance.name];
    // What is left out takes no time.
    if (why !== undefined) return { disturbance, forMs, why, slotMs: MARGIN_MS };
    return { disturbance, forMs, why, slotMs: actsMs + backMs + good.bins * 1_000 + MARGIN_MS };
  });
  const neededMs =
    load.warmupMs + BASELINE_MIN_MS + slots.reduce((sum, slot) => sum + slot.slotMs, 0) + TAIL_MIN_MS;
  const spareMs = load.forMs - neededMs;
  if (spareMs < 0) {
    const parts = [
      ...slots.map((slot) => `${slot.disturbance.name} ${formatDuration(slot.slotMs)}`),
      'a warm-up, a baseline and a steady state',
    ].join(', ');
    throw new UsageError(
      `scenario ${scenario.name}: ${formatDuration(load.forMs)} of load is too short for the probes and grace periods of ` +
        `${workload.name}: it needs ${formatDuration(Math.ceil(neededMs / 1_000) * 1_000)} (${parts}). Use --for`,
    );
  }
  // Half of the spare time goes before the first fault; the rest is shared out, each gap drawn by the seed.
  let atMs = load.warmupMs + BASELINE_MIN_MS + spareMs / 2;
  const gapMs = spareMs / 2 / (slots.length + 1);
  return slots.map(({ disturbance, forMs, why, slotMs }) => {
    atMs += gapMs * random();
    const planned: PlannedFault = {
      name: disturbance.name,
      fault: disturbance.fault,
      atMs: Math.round(atMs),
      slotMs: Math.round(slotMs),
      ...(forMs === undefined ? {} : { forMs }),
      ...(why === undefined ? {} : { notRun: why }),
    };
    atMs += slotMs;
    return planned;
  });
}

/**
 * The longest cut that cannot cause a liveness restart: with `failures` probes in a row needed, and the first one falling
 * anywhere in the period, a cut must be shorter than (failures - 1) x period; failures x period is the bound only for the
 * luckiest phase. A tenth is kept back: the cut is longer than asked by what its proof needs to see it, and the application needs a moment to notice its end.
 */
function belowLivenessMs(workload: Workload, faultLagMs: number): number {
  const { liveness } = workload;
  if (!liveness) return 30_000;
  const longestMs = Math.floor(Math.max(1, liveness.failures - 1) * liveness.periodMs * 0.9);
  return Math.max(LEAST_CUT_MS, longestMs - faultLagMs);
}

function lengthMs(
  { name, fault, forMs }: Disturbance,
  workload: Workload,
  faultLagMs: number,
): number | undefined {
  if (fault === 'rollout-restart' || fault === 'drain') {
    if (forMs === undefined) return undefined;
    throw new UsageError(
      `disturbance ${name}: a ${fault === 'drain' ? 'drain' : 'rolling restart'} ends by itself and takes no forMs`,
    );
  }
  if (typeof forMs !== 'number' && 'scaleTo' in fault)
    throw new UsageError(
      `disturbance ${name}: say with forMs how long it stays at ${fault.scaleTo} replicas`,
    );
  if (typeof forMs !== 'number' && 'surge' in fault)
    throw new UsageError(`disturbance ${name}: say with forMs how long there is more load`);
  return forMs === 'below-liveness' ? belowLivenessMs(workload, faultLagMs) : forMs;
}

/** Of a fault without a length: how long until the system is as before. */
function endsByItselfMs(fault: Disturbance['fault'], workload: Workload, startMs: number): number {
  if (fault === 'rollout-restart') return rolloutMs(workload, startMs);
  // A disruption budget may let only one pod go at a time: each waits for the one before to be Ready elsewhere.
  if (fault === 'drain') return workload.replicas * readyMs(workload, startMs) + workload.graceMs;
  return readyMs(workload, startMs);
}

/** From the start of a container to Ready: the startup probe passes, then the readiness probe's delay and first success. */
function readyMs({ startup, readiness }: Workload, startMs: number): number {
  const started = startMs + (startup ? startup.delayMs + startup.periodMs : 0);
  return readiness ? Math.max(started, readiness.delayMs) + readiness.periodMs : started;
}

/** After a cut: ready again at the next good probe, or, when liveness had time to restart the pods, after their restart. */
function recoveryMs(workload: Workload, forMs: number, startMs: number): number {
  const { readiness, liveness } = workload;
  const restartsAfterMs = liveness ? failingMs(liveness) : Number.POSITIVE_INFINITY;
  const restart = forMs >= restartsAfterMs ? workload.graceMs + readyMs(workload, startMs) : 0;
  return (readiness ? readiness.periodMs + readiness.timeoutMs : 1_000) + restart;
}

function failingMs(probe: Probe): number {
  return (probe.failures - 1) * probe.periodMs;
}

/** Waves of new pods, then the last old pod's whole grace period. */
function rolloutMs(workload: Workload, startMs: number): number {
  const wave = Math.max(1, workload.maxSurge + workload.maxUnavailable);
  return Math.ceil(workload.replicas / wave) * readyMs(workload, startMs) + workload.graceMs;
}
