/**
 * Starts the k6 runs of one scenario, beside the harness or as runners inside the cluster: gives each its files, and writes the start and
 * the end of each into the history.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { StartedRunners } from '../platforms/platform.ts';
import { type EventOf, type Load, type Plan, UsageError } from '../record/model.ts';
import type { SecondSummary } from './ledger-tail.ts';
import { type LoadEnd, startLoad, vusFor } from './load.ts';
import type { Session } from './session.ts';

/**
 * One attempt of a write, milliseconds. Longer than a healthy system ever takes and short enough that an outage does not hold every
 * virtual user: what it does hold is counted as dropped arrivals, never hidden.
 */
const WRITE_TIMEOUT_MS = 3_000;

export interface LoadRun extends Pick<
  EventOf<'load.started'>,
  'runner' | 'ratePerS' | 'forMs' | 'warmupMs' | 'judged'
> {
  onSecond: (second: SecondSummary) => void;
}

/** One k6, or several that share a schedule. */
interface Running extends StartedRunners {
  /** Null for what runs elsewhere. */
  pid: number | null;
}

export interface StartedLoad {
  /** When its schedule began, on the run's clock, milliseconds. Now, when k6 ended before its first write. */
  beganMs: number;
  /** Of several runners, when the last has ended: good when all are. */
  ended: Promise<LoadEnd>;
  stop(): Promise<void>;
}

export interface LoadRunner {
  /** Resolves when the schedule of every runner has begun (or its k6 is gone, or the run was to end before). */
  start(run: LoadRun): Promise<StartedLoad>;
  /** Process ids of what runs now, for CPU accounting. */
  pids(): number[];
  stopAll(): Promise<void>;
}

/** `load`: of the scenario, for what one write is; `scriptJs` from bundleScript; `environment` (address, token) from the system's contract. Throws UsageError where the platform has no runners. */
export function createLoadRunner(options: {
  session: Session;
  load: Pick<Load, 'pointsPerWrite' | 'writesPerConnection' | 'p999Ms'>;
  scriptJs: string;
  environment: Record<string, string>;
}): LoadRunner {
  const { scriptJs, session } = options;
  const { plan, dir, platform, k6Path, writer, undo, nowMs, signal, abort } = session;
  const { pointsPerWrite, writesPerConnection, p999Ms } = options.load;
  const { runners } = plan;
  if (runners !== undefined && platform.startRunners === undefined)
    throw new UsageError(`the ${platform.name} platform has no place for runners; leave --runners out`);
  const env = {
    ...options.environment,
    POINTS: String(pointsPerWrite),
    TIMEOUT_MS: String(WRITE_TIMEOUT_MS),
    ...(writesPerConnection === undefined ? {} : { WRITES_PER_CONNECTION: String(writesPerConnection) }),
  };
  const running = new Set<Running>();
  // Of the two clocks, only the difference now: a step of the wall clock later shows in the `clock` events.
  const monotonicOf = (wallMs: number) => nowMs() - (Date.now() - wallMs);
  const filesOf = (runner: string) => ({
    ledgerFile: path.join(dir, 'ledger', `${runner}.log`),
    logFile: path.join(dir, 'evidence', `k6-${runner}.log`),
    summaryFile: path.join(dir, 'evidence', `k6-${runner}.json`),
  });

  const startBeside = async ({ runner, ratePerS, forMs, onSecond }: LoadRun): Promise<Running> => {
    const vus = vusFor(ratePerS, p999Ms);
    const files = filesOf(runner);
    const common = { k6Path, scriptJs, runner, runId: plan.runId, ...files, env, ratePerS, vus, forMs };
    const load = await startLoad({ ...common, undo, onSecond });
    const { pid, anchorWallMs, ended } = load;
    return {
      pid,
      runners: [{ runner, ratePerS, vus, anchorWallMs, ended }],
      ended,
      stop: () => load.stop(),
    };
  };

  /** Null when the run was ended before they were released: nothing of them is left then. */
  const startInside = async (
    { count, kind }: NonNullable<Plan['runners']>,
    { runner, ratePerS, forMs, onSecond }: LoadRun,
  ): Promise<Running | null> => {
    // Each is a process of its own, with the pool that its share needs.
    const vus = count * vusFor(ratePerS / count, p999Ms);
    const script = readFileSync(scriptJs, 'utf8');
    const { redactLine: redact } = writer;
    const files = { filesOf, redact };
    const request = { count, kind, scriptJs: script, runner, ...files, env, ratePerS, vus, forMs, onSecond };
    try {
      const load = await platform.startRunners?.(request);
      return load === undefined ? null : { pid: null, ...load };
    } catch (error) {
      if (signal.aborted && error instanceof Error && error.name === 'AbortError') return null;
      throw error;
    }
  };

  return {
    async start(run) {
      const load = runners === undefined ? await startBeside(run) : await startInside(runners, run);
      if (load === null) return neverBegun(nowMs());
      running.add(load);
      const { onSecond: _, ...told } = run;
      const anchors = load.runners.map(({ anchorWallMs }) => anchorWallMs);
      const firstWallMs = Promise.all(anchors).then(earliest);
      const lives = load.runners.map(({ runner, ratePerS, vus, anchorWallMs, ended }) => {
        const begun = (async () => {
          // One that wrote nothing was released with the others.
          const wallMs = (await anchorWallMs) ?? (await firstWallMs) ?? Date.now();
          const event = { ...told, runner, ratePerS, wallMs, pointsPerWrite, vus };
          writer.emit({ kind: 'load.started', ...event });
        })();
        const over = (async () => {
          await begun;
          const end = await ended;
          writer.emit({ kind: 'load.ended', runner, ...end });
          // What the others offer is not what was asked for, and a fault played on it would prove nothing.
          if (runners !== undefined && run.judged && end.exitCode !== 0)
            abort('invalid', `runner ${runner} of the load failed: ${end.why}`);
        })();
        return { begun, over };
      });
      const ended = Promise.all(lives.map(({ over }) => over)).then(async () => {
        const end = await load.ended;
        running.delete(load);
        return end;
      });
      await Promise.all(lives.map(({ begun }) => begun));
      const wallMs = await firstWallMs;
      return { beganMs: wallMs === null ? nowMs() : monotonicOf(wallMs), ended, stop: () => load.stop() };
    },
    pids: () => [...running].flatMap(({ pid }) => (pid === null ? [] : [pid])),
    async stopAll() {
      await Promise.all([...running].map((load) => load.stop()));
    },
  };
}

function neverBegun(atMs: number): StartedLoad {
  const why = 'the run was ended before the load began';
  return {
    beganMs: atMs,
    ended: Promise.resolve({ exitCode: null, signal: null, iterations: null, dropped: null, why }),
    stop: () => Promise.resolve(),
  };
}

function earliest(anchors: readonly (number | null)[]): number | null {
  const known = anchors.filter((wallMs) => wallMs !== null);
  return known.length === 0 ? null : Math.min(...known);
}
