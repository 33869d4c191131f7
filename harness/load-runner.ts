/** Starts the k6 runs of one scenario: gives every run its files, and writes their start and end into the history. */
import path from 'node:path';
import type { EventOf } from '../record/model.ts';
import type { SecondSummary } from './ledger-tail.ts';
import { type LoadEnd, type RunningLoad, startLoad, vusFor } from './load.ts';
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

export interface StartedLoad {
  /** When its schedule began, on the run's clock, milliseconds. Now, when k6 ended before its first write. */
  beganMs: number;
  ended: Promise<LoadEnd>;
  stop(): Promise<void>;
}

export interface LoadRunner {
  /** Resolves when the schedule has begun (or k6 is gone). */
  start(run: LoadRun): Promise<StartedLoad>;
  /** Process ids of what runs now, for CPU accounting. */
  pids(): number[];
  stopAll(): Promise<void>;
}

/** `scriptJs` from bundleScript; `environment` (address, token) from the system's contract. */
export function createLoadRunner(options: {
  session: Session;
  scriptJs: string;
  environment: Record<string, string>;
}): LoadRunner {
  const { scriptJs, environment } = options;
  const { plan, dir, k6Path, writer, undo, nowMs } = options.session;
  const { pointsPerWrite } = plan.scenario.load;
  const running = new Set<RunningLoad>();
  // Of the two clocks, only the difference now: a step of the wall clock later shows in the `clock` events.
  const monotonicOf = (wallMs: number) => nowMs() - (Date.now() - wallMs);

  return {
    async start({ onSecond, ...run }) {
      const vus = vusFor(run.ratePerS);
      const load = await startLoad({
        k6Path,
        scriptJs,
        runner: run.runner,
        runId: plan.runId,
        ledgerFile: path.join(dir, 'ledger', `${run.runner}.log`),
        logFile: path.join(dir, 'evidence', `k6-${run.runner}.log`),
        summaryFile: path.join(dir, 'evidence', `k6-${run.runner}.json`),
        env: { ...environment, POINTS: String(pointsPerWrite), TIMEOUT_MS: String(WRITE_TIMEOUT_MS) },
        ratePerS: run.ratePerS,
        vus,
        forMs: run.forMs,
        undo,
        onSecond,
      });
      running.add(load);
      const wallMs = await load.anchorWallMs;
      writer.emit({ kind: 'load.started', ...run, wallMs: wallMs ?? Date.now(), pointsPerWrite, vus });
      const ended = load.ended.then((end) => {
        running.delete(load);
        writer.emit({ kind: 'load.ended', runner: run.runner, ...end });
        return end;
      });
      return { beganMs: wallMs === null ? nowMs() : monotonicOf(wallMs), ended, stop: () => load.stop() };
    },
    pids: () => [...running].flatMap(({ pid }) => (pid === null ? [] : [pid])),
    async stopAll() {
      await Promise.all([...running].map((load) => load.stop()));
    },
  };
}
