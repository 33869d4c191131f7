/**
 * Finds what this machine can carry before anything is judged, so that a slow laptop gets an honest smaller run and not a riddle.
 * First nobody else may use the machine: a ceiling measured beside somebody else's work says nothing.
 */
import type { RunWriter } from '../record/writer.ts';
import type { CpuGroups } from '../platforms/platform.ts';
import { type HostSample, hostSampler } from './host.ts';
import type { LoadRunner } from './load-runner.ts';
import type { Progress } from './observer.ts';
import { pause } from './pause.ts';
import type { Session } from './session.ts';
import { writtenFolders } from './session.ts';

/** Share of the machine that other processes may take before the calibration; above it, what the hypervisor takes is told. */
const IDLE_LIMIT = 0.05;
const IDLE_WINDOW_MS = 3_000;
/** A machine that has just been busy gets this long to come to rest. */
const IDLE_PATIENCE_MS = 30_000;

/** A trial: first its connections open and code warms up, then this long counts. */
const TRIAL_COUNTED_MS = 5_000;
const TRIAL_WARMUP_MS = 4_000;
/** Of the load's own warm-up, where that is longer: what a system takes long to be warm for is not measured cold here either. */
const TRIAL_WARMUP_SHARE = 0.5;
/**
 * Share of the asked rate that must be acknowledged in a trial that carried. What k6 drops is not acknowledged either; the rest is
 * room for the two edges of the few seconds that count, not for loss: the judged load is held to 0.1 %.
 */
const CARRIED_SHARE = 0.99;
/** The next trial goes a little below what was acknowledged: at the ceiling itself every queue is full. */
const STEP_BACK = 0.85;
/** The first trial is also the one in which a system compiles its code: a rate that it nearly carried is asked once more. */
const NEARLY_SHARE = 0.9;
const MAX_TRIALS = 6;

/**
 * Calibration finds the ceiling of this machine, and whoever asks for runners has load that does not come from it: how busy this one is says
 * nothing of theirs, and each trial would wait for pods to come and go for longer than its few seconds of load last.
 */
const UNCALIBRATED =
  'not calibrated: the load comes from runners inside the cluster, at the rate that was asked for';

/** What one short trial at a rate did. */
export interface Trial {
  ackedPerS: number;
  p99Ms: number;
}

/** The rate of the judged load, writes a second: the one asked for, or what a calibration found. Null when the run was aborted. */
export async function chooseRate(
  session: Session,
  loads: LoadRunner,
  groups: () => CpuGroups,
): Promise<number | null> {
  const { plan, writer, signal, enter, abort, dir } = session;
  const { load, good } = plan.scenario;
  const askedPerS = load.ratePerS;
  let ratePerS: number | null = askedPerS;
  let steal = 0;
  if (plan.scenario.calibrate && plan.runners !== undefined)
    writer.emit({ kind: 'note', text: UNCALIBRATED });
  else if (plan.scenario.calibrate && !signal.aborted) {
    enter('calibrate');
    const before = await hostBefore({ diskPaths: writtenFolders(dir), groups, signal });
    if (before !== null && before.foreign >= IDLE_LIMIT)
      abort(
        'invalid',
        `the machine is not idle: ${percent(before.foreign)} of its CPU is used by other processes (limit ${percent(IDLE_LIMIT)}); ` +
          `stop what else runs here and start again`,
      );
    steal = before?.steal ?? 0;
    const warmupMs = Math.max(TRIAL_WARMUP_MS, load.warmupMs * TRIAL_WARMUP_SHARE);
    const forMs = warmupMs + TRIAL_COUNTED_MS;
    const trial = async (rate: number, index: number): Promise<Trial> => {
      const seconds: Progress[] = [];
      const running = await loads.start({
        runner: `calibrate-${index}`,
        ratePerS: rate,
        forMs,
        warmupMs,
        judged: false,
        onSecond: (second) => seconds.push(second),
      });
      const stopped = () => void running.stop();
      signal.addEventListener('abort', stopped, { once: true });
      const { exitCode, why } = await running.ended;
      signal.removeEventListener('abort', stopped);
      if (exitCode !== 0) abort('invalid', `the load generator failed in a calibration trial: ${why}`);
      return summarise(seconds.slice(Math.ceil(warmupMs / 1_000), Math.floor(forMs / 1_000) - 1));
    };
    ratePerS = await calibrate({ askedPerS, latencyMs: good.latencyMs, writer, trial, signal });
    if (ratePerS === null)
      abort('inconclusive', 'no rate was found that this machine carries; see the calibration events');
  }
  if (ratePerS !== null && !signal.aborted)
    writer.emit({ kind: 'rate', askedPerS, ratePerS, ...(steal >= IDLE_LIMIT && { steal }) });
  return ratePerS;
}

function summarise(seconds: Progress[]): Trial {
  const acked = seconds.reduce((sum, second) => sum + second.acked, 0);
  return {
    ackedPerS: acked / Math.max(1, seconds.length),
    p99Ms: Math.max(0, ...seconds.map(({ p99Ms }) => p99Ms ?? 0)),
  };
}

/**
 * The first look at a machine that nobody else uses, or the last one there was patience for; null where there is no /proc. For the hypervisor
 * nobody waits: it cannot be asked to stop, and what it leaves is the machine.
 */
async function hostBefore(options: {
  diskPaths: string[];
  groups: () => CpuGroups;
  signal: AbortSignal;
}): Promise<HostSample | null> {
  const sample = hostSampler(options.diskPaths);
  const deadlineMs = performance.now() + IDLE_PATIENCE_MS;
  let seen: HostSample | null = null;
  do {
    await pause(IDLE_WINDOW_MS, options.signal);
    seen = sample(options.groups());
  } while (
    seen !== null &&
    seen.foreign >= IDLE_LIMIT &&
    performance.now() < deadlineMs &&
    !options.signal.aborted
  );
  return seen;
}

/** The highest rate that a trial carried, at most the one asked for; null when none of them did. */
export async function calibrate(options: {
  askedPerS: number;
  latencyMs: number;
  writer: Pick<RunWriter, 'emit'>;
  trial: (ratePerS: number, index: number) => Promise<Trial>;
  signal: AbortSignal;
}): Promise<number | null> {
  const { askedPerS, latencyMs, writer, trial, signal } = options;
  let ratePerS = askedPerS;
  for (let index = 1; index <= MAX_TRIALS && !signal.aborted; index += 1) {
    const seen = await trial(ratePerS, index);
    if (signal.aborted) return null;
    const why = notCarried(seen, ratePerS, latencyMs);
    const outcome = { carried: why === null, why: why ?? 'carried', ackedPerS: seen.ackedPerS };
    writer.emit({ kind: 'calibration', ratePerS, ...outcome });
    if (why === null) return ratePerS;
    if (index === 1 && seen.ackedPerS >= ratePerS * NEARLY_SHARE) continue;
    ratePerS = Math.max(1, Math.floor(Math.min(ratePerS, seen.ackedPerS) * STEP_BACK));
  }
  return null;
}

/** Why a trial did not carry its rate, or null. Pure. */
export function notCarried(seen: Trial, ratePerS: number, latencyMs: number): string | null {
  if (seen.ackedPerS < ratePerS * CARRIED_SHARE)
    return `acknowledged ${Math.round(seen.ackedPerS)} of ${ratePerS} writes/s`;
  if (seen.p99Ms > latencyMs) return `p99 ${Math.round(seen.p99Ms)} ms, limit ${latencyMs} ms`;
  return null;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
