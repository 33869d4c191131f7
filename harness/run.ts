/**
 * One run, top to bottom:
 *   1. prepare    read and check everything; bad input ends here, with nothing started
 *   2. deploy     the system, healthy
 *   3. calibrate  the rate this machine can carry
 *   4. baseline   the judged load starts; a system that is not healthy is not disturbed
 *   5. disturb    each fault at its time, proven by its own probe
 *   6. recover    the load runs out; the steady state is seen again
 *   7. read back  what the store holds
 *   8. undo       everything this run started, always
 * What happens goes into the run directory as it happens; judging it is somebody else's work (analysis/, checks/).
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Platform } from '../platforms/platform.ts';
import type { Contract } from '../record/contract.ts';
import { type Event, type Plan, UsageError } from '../record/model.ts';
import { RunWriter } from '../record/writer.ts';
import { busyHost, calibrate, type Trial } from './calibrate.ts';
import { disturb, pause } from './disturb.ts';
import { startWatchdog } from './heal.ts';
import { createLoadRunner, type LoadRunner } from './load-runner.ts';
import { lockRun, unlockRun } from './lock.ts';
import { watchHost, watchPods } from './observe.ts';
import type { Progress, RunObserver } from './observer.ts';
import { randomFrom } from './random.ts';
import { readBack } from './read-back.ts';
import { openJournal } from './undo.ts';

/** A calibration trial: its first seconds open connections and warm code up, the rest counts. */
const TRIAL_MS = 9_000;
const TRIAL_WARMUP_MS = 4_000;
/** Below this much free disk a database stops in ways that look like findings. */
const DISK_FLOOR_MB = 1_024;

export interface RunRequest {
  plan: Plan;
  platform: Platform;
  contract: Contract;
  systemDir: string;
  k6Path: string;
  /** Folder that gets the run directory `<plan.runId>`. */
  outDir: string;
  /** Told of every event and of every second of load: live view, metrics. */
  observers: RunObserver[];
  /** Aborted on the first Ctrl-C: the load stops, faults are healed, what there is gets read back and judged. */
  signal: AbortSignal;
}

/** Plays a prepared plan. Returns the run directory; throws only UsageError, for what turns out to be bad input while deploying. */
export async function run(request: RunRequest): Promise<string> {
  const { plan, platform, contract, observers } = request;
  const dir = path.join(request.outDir, plan.runId);
  mkdirSync(dir, { recursive: true });
  const startedMs = performance.now();
  const nowMs = () => performance.now() - startedMs;
  const writer = new RunWriter(dir, nowMs);
  for (const observer of observers) writer.observe((event) => observer.event(event));
  lockRun(dir);
  writer.plan(plan);
  writer.emit({ kind: 'run.started', runId: plan.runId, wallMs: Date.now(), at: nowMs() });
  const undo = openJournal(dir);
  const watchdog = startWatchdog(dir, undo, plan.runId);

  // One switch ends everything early, whoever throws it: Ctrl-C, a full disk, a baseline that is not healthy.
  const ending = new AbortController();
  const { signal } = ending;
  request.signal.addEventListener('abort', () => ending.abort(), { once: true });
  if (request.signal.aborted) ending.abort();
  let phase = 'deploy';
  const enter = (next: Extract<Event, { kind: 'phase' }>['phase']) => {
    phase = next;
    writer.emit({ kind: 'phase', phase: next });
  };
  const abort = (verdict: 'invalid' | 'inconclusive', why: string) => {
    if (signal.aborted) return;
    writer.emit({ kind: 'run.aborted', phase, why, verdict });
    ending.abort();
  };
  writer.observe((event) => {
    if (event.kind === 'host' && event.diskFreeMb < DISK_FLOOR_MB) {
      abort(
        'inconclusive',
        `only ${event.diskFreeMb} MB of disk are left, below the floor of ${DISK_FLOOR_MB} MB; free some, or shorten the run with --for`,
      );
    }
  });

  let loads: LoadRunner | undefined;
  let badInput: UsageError | undefined;
  const groups = () => ({ supervisor: [process.pid], ...platform.processGroups(), k6: loads?.pids() ?? [] });
  const host = watchHost({ writer, diskPath: dir, groups, nowMs });
  try {
    enter('deploy');
    await platform.deploy({
      runId: plan.runId,
      systemDir: request.systemDir,
      ...(plan.scenario.overlay === undefined ? {} : { overlay: plan.scenario.overlay }),
      ...(plan.defect === undefined ? {} : { defect: plan.defect }),
      evidenceDir: path.join(dir, 'evidence'),
      emit: writer.emit,
      undo,
      signal,
    });
    const secrets = platform.secrets();
    const environment = contract.loadEnv({ url: platform.loadUrl(), runId: plan.runId, secrets });
    writer.redact([...Object.values(secrets), environment['TOKEN'] ?? '']);
    loads = await createLoadRunner({ plan, dir, k6Path: request.k6Path, environment, writer, undo, nowMs });

    const ratePerS = await chooseRate(request, writer, loads, groups, enter, abort, signal);
    if (!signal.aborted) await judgedLoad(request, { writer, loads, ratePerS, enter, abort, signal, nowMs });

    enter('read-back');
    await readBack({ platform, contract, writer, runId: plan.runId, nowMs });
  } catch (error) {
    if (error instanceof UsageError) badInput = error;
    writer.emit({
      kind: 'run.crashed',
      phase,
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  } finally {
    enter('undo');
    await loads?.stopAll();
    await platform.remove();
    await host.stop();
    writer.emit({ kind: 'run.ended', interrupted: request.signal.aborted });
    await watchdog.dismiss();
    writer.close();
    unlockRun(dir);
  }
  if (badInput) throw badInput;
  return dir;
}

type Enter = (phase: Extract<Event, { kind: 'phase' }>['phase']) => void;
type Abort = (verdict: 'invalid' | 'inconclusive', why: string) => void;

async function chooseRate(
  { plan }: RunRequest,
  writer: RunWriter,
  loads: LoadRunner,
  groups: () => Record<string, number[]>,
  enter: Enter,
  abort: Abort,
  signal: AbortSignal,
): Promise<number> {
  const askedPerS = plan.scenario.load.ratePerS;
  let ratePerS: number | null = askedPerS;
  if (plan.scenario.calibrate && !signal.aborted) {
    enter('calibrate');
    const busy = await busyHost({ diskPath: writer.dir, groups, signal });
    if (busy !== null) abort('invalid', busy);
    const trial = async (rate: number, index: number): Promise<Trial> => {
      const seconds: Progress[] = [];
      const load = await loads.start({
        runner: `calibrate-${index}`,
        ratePerS: rate,
        forMs: TRIAL_MS,
        warmupMs: TRIAL_WARMUP_MS,
        judged: false,
        onSecond: (second) => seconds.push(second),
      });
      await load.ended;
      return summarise(seconds.slice(TRIAL_WARMUP_MS / 1_000, TRIAL_MS / 1_000 - 1), rate);
    };
    ratePerS = await calibrate({ askedPerS, latencyMs: plan.scenario.good.latencyMs, writer, trial, signal });
    if (ratePerS === null)
      abort('inconclusive', 'no rate was found that this machine carries; see the calibration events');
  }
  writer.emit({ kind: 'rate', askedPerS, ratePerS: ratePerS ?? 0 });
  return ratePerS ?? 0;
}

/** Seconds of a trial as one figure each; what was neither acknowledged nor refused counts as dropped. */
function summarise(seconds: Progress[], ratePerS: number): Trial {
  const sum = (pick: (second: Progress) => number) =>
    seconds.reduce((total, second) => total + pick(second), 0);
  const scheduled = Math.max(1, seconds.length * ratePerS);
  const ended = sum((s) => s.acked + s.failed + s.unknown);
  return {
    ackedPerS: seconds.length === 0 ? 0 : sum((s) => s.acked) / seconds.length,
    droppedShare: Math.max(0, (scheduled - ended) / scheduled - 0.01),
    failedShare: sum((s) => s.failed + s.unknown) / scheduled,
    p99Ms: Math.max(0, ...seconds.map((s) => s.p99Ms ?? 0)),
  };
}

interface Playing {
  writer: RunWriter;
  loads: LoadRunner;
  ratePerS: number;
  enter: Enter;
  abort: Abort;
  signal: AbortSignal;
  nowMs: () => number;
}

async function judgedLoad(request: RunRequest, playing: Playing): Promise<void> {
  const { plan, platform, contract } = request;
  const { writer, loads, ratePerS, enter, abort, signal, nowMs } = playing;
  const { load, good } = plan.scenario;
  enter('baseline');
  const pods = watchPods({ platform, contract, writer, runId: plan.runId, nowMs });
  const seconds: Progress[] = [];
  const running = await loads.start({
    runner: 'load',
    ratePerS,
    forMs: load.forMs,
    warmupMs: load.warmupMs,
    judged: true,
    onSecond: (second) => {
      seconds.push(second);
      for (const observer of request.observers) observer.progress(second);
    },
  });
  const { beganMs } = running;
  const random = randomFrom(plan.seed + 1);

  for (const [index, planned] of plan.faults.entries()) {
    await Promise.race([pause(beganMs + planned.atMs - nowMs(), signal), running.ended]);
    if (signal.aborted) break;
    if (index === 0) {
      const { ackedPerS } = summarise(seconds.slice(Math.ceil(load.warmupMs / 1_000), -1), ratePerS);
      if (ackedPerS < ratePerS * good.served) {
        abort(
          'inconclusive',
          `the baseline was not healthy (${Math.round(ackedPerS)} of ${ratePerS} writes/s acknowledged), so nothing was disturbed`,
        );
        break;
      }
      enter('disturb');
    }
    const leftMs = beganMs + load.forMs - nowMs();
    if (leftMs < planned.slotMs) {
      writer.emit({
        kind: 'fault.failed',
        fault: planned.name,
        why: `not started: ${Math.round(leftMs / 1_000)} s of load were left and it needs ${Math.round(planned.slotMs / 1_000)} s`,
      });
      continue;
    }
    await disturb({ planned, platform, writer, random, nowMs, signal });
  }
  if (!signal.aborted) enter('recover');
  await Promise.race([running.ended, aborted(signal)]);
  await running.stop();
  await running.ended;
  await pods.stop();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
