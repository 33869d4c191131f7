/** `proofload run`: from names on the command line to a judged run directory and an exit code. */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { drainLimits } from '../analysis/disruption/limits.ts';
import { enterBare, isInside } from '../platforms/bare/enter.ts';
import type { Platform } from '../platforms/platform.ts';
import { formatDuration } from '../record/duration.ts';
import { EXIT, Plan, type PlannedFault, type Scenario, SCHEMA_VERSION, UsageError } from '../record/model.ts';
import { ROOT } from '../record/root.ts';
import { loadCheck, loadContract, loadScenario } from '../harness/catalogue.ts';
import { findEngine } from '../harness/engines.ts';
import { neededBefore, writesOf } from '../harness/before.ts';
import { healableRuns, healRun } from '../harness/heal.ts';
import { diskFreeMb } from '../harness/host.ts';
import { judgeAndReport } from './judge.ts';
import { ruleTextOf } from './rules-read.ts';
import { type Place, placeOf } from './platform.ts';
import { createLiveView } from '../harness/live.ts';
import { planFaults } from '../harness/plan.ts';
import { startProgressMetrics } from '../harness/progress-metrics.ts';
import { checkAsked } from '../harness/prometheus/asked.ts';
import { planWatch, type WatchPlan } from '../harness/prometheus/watch-plan.ts';
import { randomFrom } from '../harness/random.ts';
import { earlierRun, isResumable } from '../harness/resume.ts';
import { run } from '../harness/run.ts';
import { writtenFolders } from '../harness/session.ts';

/** What a run of 100,000 metrics/s writes to disk: bodies, their write-ahead log and the ledger, measured at 1,000 writes/s of 11 KB. */
const DISK_KB_PER_WRITE = 14;
/** Of a load before: rows, indexes and write-ahead log of a journey, measured with a million of them. */
const DISK_KB_PER_JOURNEY = 4;
/** The database keeps at most this much of its write-ahead log, and the bodies of the last minutes. */
const DISK_CEILING_MB = 8_192;
const DISK_FLOOR_MB = 2_048;

export interface RunOptions extends Place {
  for?: number | undefined;
  rate?: number | undefined;
  /** Writes of the scenario's load before. */
  journeys?: number | undefined;
  defect?: string | undefined;
  /** Divides every duration of the rules, the scrape and the evaluation interval. */
  compress?: number | undefined;
  /** Directory of an earlier run, whose load before is gone on with. */
  resume?: string | undefined;
  seed: number;
  metricsPort?: number | undefined;
  out: string;
  json?: true | undefined;
  dryRun?: true | undefined;
  /** The load comes from this many k6 inside the cluster. */
  runners?: number | undefined;
  runnerKind?: 'job' | 'testrun' | undefined;
}

/** Resolves with the exit code. Throws UsageError while nothing has been started. */
export async function runCommand(scenarioName: string, options: RunOptions): Promise<number> {
  const runners = runnersOf(options);
  checkResume(options);
  // Pods and Services of the bare cluster have addresses in its own network only.
  if (options.on === 'bare' && !isInside()) return enterBare();
  const asked = await loadScenario(scenarioName);
  const scenario: Scenario = {
    ...asked,
    load: {
      ...asked.load,
      forMs: options.for ?? asked.load.forMs,
      ratePerS: options.rate ?? asked.load.ratePerS,
    },
    ...beforeOf(asked, options.journeys),
  };
  checkBefore(scenario);
  const resumes =
    options.resume === undefined ? undefined : earlierRun(path.resolve(options.resume), scenario);
  const contract = await loadContract(scenario.system);
  checkDefect(options.defect, Object.keys(contract.defects), scenario.system);
  const outDir = path.resolve(options.out);
  const systemDir = path.join(ROOT, 'systems', scenario.system);
  const watch = watchOf(scenario, options.compress, systemDir);
  await checkAsked(scenario, watch?.written ?? null, loadCheck);
  const { platform, guards } = placeOf(options);
  const { workload, ...prepared } = await platform.prepare({
    systemDir,
    ...(scenario.overlay === undefined ? {} : { overlay: scenario.overlay }),
    ...(options.defect === undefined ? {} : { defect: options.defect }),
    autoscale: scenario.autoscale,
    faults: scenario.disturb,
    ...(runners === undefined ? {} : { runners }),
    prometheus: scenario.prometheus !== undefined,
  });
  const faults = planFaults({ scenario, workload, ...prepared, random: randomFrom(options.seed) });
  // What the manifests alone say of requests that are under way when a pod goes.
  const limits = drainLimits(workload).map(({ text }) => text);
  if (options.dryRun) return dryRun(platform, faults, limits, options.json === true);
  // Where, at whom, and how much of it: before anything is changed there.
  for (const line of [...((await platform.preview?.(faults, 'faults')) ?? []), ...limits]) say(line);
  checkDisk(scenario, outDir);
  // Parsed, so that what the run writes can be read again: a number that the schema refuses must not cost a whole run.
  const plan = Plan.parse({
    schemaVersion: SCHEMA_VERSION,
    runId: runIdOf(scenario.name),
    scenario,
    platform: platform.name,
    seed: options.seed,
    ...(options.defect === undefined ? {} : { defect: options.defect }),
    ...(options.compress === undefined ? {} : { compress: options.compress }),
    ...(runners === undefined ? {} : { runners }),
    ...(resumes === undefined ? {} : { resumes: resumes.mark }),
    faults,
    workload,
    versions: { node: process.versions.node },
    machine: {
      cpus: os.cpus().length,
      memoryMb: Math.round(os.totalmem() / 2 ** 20),
      cpuModel: os.cpus()[0]?.model ?? 'unknown',
    },
  } satisfies Plan);
  const metrics =
    options.metricsPort === undefined
      ? undefined
      : await startProgressMetrics({ port: options.metricsPort, plan });
  const interrupt = new AbortController();
  const release = onCtrlC(interrupt);
  let dir: string;
  try {
    const engine = await findEngine('k6', { signal: interrupt.signal, onProgress: say });
    plan.versions['k6'] = engine.version;
    // A build takes minutes: not while the system waits. In a cluster it is an image.
    if (watch && platform.name === 'local')
      await findEngine('prometheus', { signal: interrupt.signal, onProgress: say });
    await healEarlier(outDir);
    if (resumes) await healResumed(resumes.dir);
    const view = createLiveView({
      plan,
      stream: process.stderr,
      isTTY: process.stderr.isTTY,
      now: () => performance.now(),
    });
    try {
      const observers = metrics === undefined ? [view] : [view, metrics];
      dir = await run({
        plan,
        platform,
        contract,
        systemDir,
        resumes,
        k6Path: engine.path,
        ...(watch && { watch }),
        outDir,
        observers,
        guards,
        signal: interrupt.signal,
      });
    } finally {
      view.end();
    }
  } finally {
    release();
    await metrics?.close();
  }
  if (interrupt.signal.aborted && options.attach && isResumable(dir))
    say(`the load before can be gone on with: the same command, with --resume ${dir}`);
  const verdict = await judgeAndReport(dir, options.json === true);
  return verdict.exitCode;
}

/** The load before, with as many writes as asked for. Throws UsageError where there is none. */
function beforeOf({ name, before }: Scenario, journeys: number | undefined): Pick<Scenario, 'before'> {
  if (journeys === undefined) return {};
  if (before === undefined)
    throw new UsageError(
      `--journeys: scenario ${name} starts none; use a scenario that has a load before (million-journeys)`,
    );
  const forMs = Math.ceil((journeys / before.ratePerS) * 1_000);
  // Whole milliseconds, so a rate that is a hair lower: exactly as many as asked for.
  return { before: { ...before, forMs, ratePerS: (journeys / forMs) * 1_000 } };
}

/** What its Prometheus is started with; undefined: it wants none. Throws UsageError for rules that cannot be used. */
function watchOf(
  { name, prometheus }: Scenario,
  compress: number | undefined,
  systemDir: string,
): WatchPlan | undefined {
  if (prometheus === undefined) {
    if (compress === undefined) return undefined;
    throw new UsageError(
      `--compress: scenario ${name} starts no Prometheus, so there are no rules to compress; use a scenario that has one (alerts-2m)`,
    );
  }
  const file = path.join(systemDir, 'rules.yaml');
  const rules = existsSync(file) ? { file: path.relative(ROOT, file), text: ruleTextOf(file) } : null;
  return planWatch({ prometheus, rules, compress: compress ?? 1 });
}

/** Each write of the judged load is aimed at one of the load before: they must be enough, with the margin for virtual users that are held up. */
function checkBefore({ name, load, before, calibrate, disturb }: Scenario): void {
  if (before === undefined) return;
  if (calibrate || disturb.some(({ fault }) => typeof fault === 'object' && 'surge' in fault))
    throw new UsageError(
      `scenario ${name}: a calibration or a surge would aim at the same writes of the load before as the load; leave it out, or \`before\``,
    );
  if (neededBefore(load) <= writesOf(before)) return;
  throw new UsageError(
    `scenario ${name}: ${writesOf(load)} writes of the load are aimed at ${writesOf(before)} of the load before, and it takes ${neededBefore(load)}, since virtual users that are held up leave some out; use more --journeys, a lower --rate or a shorter --for`,
  );
}

/** Throws UsageError for words that do not go together. */
function runnersOf({ on, runners, runnerKind }: RunOptions): Plan['runners'] {
  if (runners === undefined) {
    if (runnerKind !== undefined)
      throw new UsageError('--runner-kind says how runners are made; say how many with --runners');
    return undefined;
  }
  if (on === 'local')
    throw new UsageError('--runners needs a cluster; say which with --on bare, kind or kubernetes');
  return { count: runners, kind: runnerKind ?? 'job' };
}

/** Throws UsageError where no system is left to go on in. */
function checkResume({ on, attach, resume }: RunOptions): void {
  if (resume === undefined || attach) return;
  throw new UsageError(
    on === 'local'
      ? '--resume: the local platform ends its processes with each run, so nothing is left to go on with; start again, or test a system on a cluster that stays (--attach)'
      : '--resume: without --attach a run deploys its system and removes it, so nothing is left to go on with; start again, or test a system that stays (--attach)',
  );
}

/** What it would create and whom its faults would hit; nothing is changed. */
async function dryRun(
  platform: Platform,
  faults: readonly PlannedFault[],
  limits: readonly string[],
  json: boolean,
): Promise<number> {
  if (platform.preview === undefined)
    throw new UsageError(
      '--dry-run shows what would be changed in a cluster; the local platform changes none',
    );
  const lines = [...(await platform.preview(faults, 'everything')), ...limits];
  process.stdout.write(`${json ? JSON.stringify({ lines }) : lines.join('\n')}\n`);
  await platform.remove();
  return EXIT.pass;
}

/** A run whose harness and watchdog were both killed is cleaned up by the next one. */
async function healEarlier(outDir: string): Promise<void> {
  for (const dir of healableRuns(outDir)) {
    const healed = await healRun(dir);
    if (healed.undone.length > 0) say(`cleaned up after ${healed.run}: ${healed.undone.join(', ')}`);
    if (healed.left.length > 0) say(`left by ${healed.run}: ${healed.left.join(', ')}`);
  }
}

/** It may lie elsewhere, and a k6 of it that still runs would go on writing. Throws UsageError for what does not go away. */
async function healResumed(dir: string): Promise<void> {
  const { left } = await healRun(dir);
  if (left.length > 0) throw new UsageError(`--resume ${dir}: left by that run: ${left.join(', ')}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** First Ctrl-C: end in good order. Second: end now; the watchdog takes down what is left. */
function onCtrlC(interrupt: AbortController): () => void {
  const handler = () => {
    if (interrupt.signal.aborted) process.exit(EXIT.crash);
    process.stderr.write(
      '\nstopping the load, healing, reading back what there is (Ctrl-C again ends at once)\n',
    );
    interrupt.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, handler);
  return () => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, handler);
  };
}

/** Sorts by time, tells runs started in the same second apart. */
function runIdOf(scenario: string): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15).toLowerCase();
  return `${stamp}-${scenario}-${process.pid}`;
}

function checkDefect(defect: string | undefined, known: string[], system: string): void {
  if (defect === undefined || known.includes(defect)) return;
  throw new UsageError(
    `unknown defect "${defect}": the reference system of ${system} has ${known.join(', ')}`,
  );
}

function checkDisk({ load, before }: Scenario, outDir: string): void {
  const writtenMb =
    (writesOf(load) * DISK_KB_PER_WRITE + (before ? writesOf(before) * DISK_KB_PER_JOURNEY : 0)) / 1_024;
  const neededMb = Math.round(DISK_FLOOR_MB + Math.min(writtenMb, DISK_CEILING_MB));
  for (const folder of writtenFolders(outDir)) {
    const freeMb = diskFreeMb(folder);
    if (freeMb >= neededMb) continue;
    throw new UsageError(
      `too little disk: ${load.ratePerS} writes/s for ${formatDuration(load.forMs)} need ${neededMb} MB in ${folder} and ${freeMb} MB are free; ` +
        'free some, point TMPDIR or --out elsewhere, or use a lower --rate or a shorter --for',
    );
  }
}
