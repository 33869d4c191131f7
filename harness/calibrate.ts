/**
 * Finds what this machine can carry before anything is judged, so that a slow laptop gets an honest smaller run and not a riddle.
 * First the machine must be idle: a ceiling measured beside somebody else's work says nothing.
 */
import type { RunWriter } from '../record/writer.ts';
import { pause } from './disturb.ts';
import { type HostSample, hostSampler } from './host.ts';

/** Shares of the machine that may be foreign or stolen before the calibration. */
const IDLE_LIMIT = 0.05;
const IDLE_WINDOW_MS = 3_000;
/** A machine that has just been busy gets this long to come to rest. */
const IDLE_PATIENCE_MS = 30_000;

/** What one short trial at a rate did. */
export interface Trial {
  ackedPerS: number;
  droppedShare: number;
  failedShare: number;
  p99Ms: number;
}

/** Share of the asked rate that must be acknowledged, and of iterations that may be dropped, in a trial that carried. */
const CARRIED_SHARE = 0.99;
const DROPPED_SHARE = 0.001;
/** The next trial goes a little below what was acknowledged: at the ceiling itself every queue is full. */
const STEP_BACK = 0.85;
const MAX_TRIALS = 5;

/** Null when the machine is idle, else who uses it. Where there is no /proc it cannot be told, and nobody is accused. */
export async function busyHost(options: {
  diskPath: string;
  groups: () => Record<string, number[]>;
  signal: AbortSignal;
}): Promise<string | null> {
  const sample = hostSampler(options.diskPath);
  const deadlineMs = performance.now() + IDLE_PATIENCE_MS;
  let seen: HostSample | null = null;
  do {
    await pause(IDLE_WINDOW_MS, options.signal);
    seen = sample(options.groups());
    if (seen === null || (seen.foreign < IDLE_LIMIT && seen.steal < IDLE_LIMIT)) return null;
  } while (performance.now() < deadlineMs && !options.signal.aborted);
  return (
    `the machine is not idle: ${percent(seen.foreign)} of its CPU is used by other processes and ${percent(seen.steal)} is taken by the ` +
    `hypervisor (limit ${percent(IDLE_LIMIT)} each); stop what else runs here and start again`
  );
}

/** The highest rate that a trial carried, at most the one asked for; null when none of them did. */
export async function calibrate(options: {
  askedPerS: number;
  latencyMs: number;
  writer: RunWriter;
  trial: (ratePerS: number, index: number) => Promise<Trial>;
  signal: AbortSignal;
}): Promise<number | null> {
  const { askedPerS, latencyMs, writer, trial, signal } = options;
  let ratePerS = askedPerS;
  for (let index = 1; index <= MAX_TRIALS && !signal.aborted; index += 1) {
    const seen = await trial(ratePerS, index);
    const why = notCarried(seen, ratePerS, latencyMs);
    writer.emit({
      kind: 'calibration',
      ratePerS,
      carried: why === null,
      why: why ?? 'carried',
      ackedPerS: seen.ackedPerS,
    });
    if (why === null) return ratePerS;
    ratePerS = Math.max(1, Math.floor(Math.min(ratePerS, seen.ackedPerS) * STEP_BACK));
  }
  return null;
}

/** Why a trial did not carry its rate, or null. Pure. */
export function notCarried(seen: Trial, ratePerS: number, latencyMs: number): string | null {
  if (seen.ackedPerS < ratePerS * CARRIED_SHARE)
    return `acknowledged ${Math.round(seen.ackedPerS)} of ${ratePerS} writes/s`;
  if (seen.droppedShare > DROPPED_SHARE) return `dropped ${percent(seen.droppedShare)} of its iterations`;
  if (seen.p99Ms > latencyMs) return `p99 ${Math.round(seen.p99Ms)} ms, limit ${latencyMs} ms`;
  return null;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
