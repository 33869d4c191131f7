/** One runner from its first line to its end: its log is followed, its anchor found, its exit code read where only the pod has it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../../record/reason.ts';
import type { Redact } from '../../../record/writer.ts';
import type { Emit } from '../../platform.ts';
import type { Cluster } from '../cluster.ts';
import { CONTAINER } from './job.ts';
import { RunnerLedger, type RunnerFiles } from './ledger.ts';
import type { LoadEnd } from './merge.ts';
import type { PodEnd, RunnerPod, RunnerPods } from './pods.ts';
import type { Released } from './release.ts';
import type { SeenWrite } from './seconds.ts';

/** After the end of its container a log is read this much longer, milliseconds. */
const REST_OF_LOG_MS = 10_000;
/** Of the end of a log that broke off; about 400,000 lines. Whatever was there is known by its identity. */
const END_OF_LOG_BYTES = 8 * 2 ** 20;
/** The anchor is among the first lines; from an older script only the first runner has one. */
const ANCHOR_WAIT_MS = 1_000;

export interface RunnerLife {
  readonly runner: string;
  /** See RunningLoad. */
  readonly anchorWallMs: Promise<number | null>;
  readonly ended: Promise<LoadEnd>;
  readonly isOver: boolean;
  /** The last of its log that is of no other use. */
  readonly said: string;
  /** To be called a few times a second. `silent`: it had its time to write something. */
  poll(monotonicMs: number, silent: boolean): void;
  released(at: Released): void;
}

export interface LifeOptions {
  cluster: Cluster;
  namespace: string;
  runner: string;
  files: RunnerFiles;
  redact: Redact;
  pods: RunnerPods;
  onWrite: (runner: string, write: SeenWrite) => void;
  /** Why it is ended from here; null while it is not. */
  endedFromHere: () => string | null;
  /** Aborted when its pod is waited for no longer. */
  givenUp: AbortSignal;
  emit: Emit;
}

/** Rejects nothing: what goes wrong is the end's `why`. Throws when the runner's files cannot be made. */
export function followRunner(options: LifeOptions): RunnerLife {
  const { runner, files, onWrite, redact, emit } = options;
  const ledger = new RunnerLedger(files, (write) => onWrite(runner, write), redact);
  let released: Released | null = null;
  let firstWriteMs: number | null = null;
  let isOver = false;
  let settleAnchor!: (wallMs: number | null) => void;
  const anchorWallMs = new Promise<number | null>((resolve) => {
    settleAnchor = resolve;
  });
  let anchored = false;
  const anchor = () => {
    if (anchored) return;
    anchored = true;
    const found = ledger.writes === 0 ? null : ledger.anchor(released);
    if (found !== null && found.offMs !== 0)
      emit({
        kind: 'note',
        text: `runner ${runner}: its node's clock is about ${found.offMs} ms off this machine's; its schedule is counted from the release that this machine saw`,
      });
    if (found !== null && released === null)
      emit({
        kind: 'note',
        text: `runner ${runner}: its release was not seen from here, so its node's clock is believed as long as no write contradicts it`,
      });
    settleAnchor(found?.wallMs ?? null);
  };
  const ended = outlive(options, ledger).then((end) => {
    anchor();
    ledger.close();
    isOver = true;
    const error = ledger.anchorError();
    if (error === null) return end;
    const { boundMs, lateMs } = error;
    if (lateMs > 0)
      emit({
        kind: 'note',
        text: `runner ${runner}: writes ended up to ${lateMs} ms before the start of its schedule allows; its node's clock drifts or was off from the start, and its times are known to +- ${boundMs} ms only`,
      });
    return { ...end, anchorBoundMs: boundMs };
  });

  return {
    runner,
    anchorWallMs,
    ended,
    get isOver() {
      return isOver;
    },
    get said() {
      return ledger.said;
    },
    poll(monotonicMs, silent) {
      if (anchored || isOver) return;
      if (ledger.writes > 0) firstWriteMs ??= monotonicMs;
      const waited = firstWriteMs !== null && monotonicMs - firstWriteMs >= ANCHOR_WAIT_MS;
      if (silent || waited || (firstWriteMs !== null && ledger.hasOwnAnchor)) anchor();
    },
    released(at) {
      released = at;
    },
  };
}

async function outlive(options: LifeOptions, ledger: RunnerLedger): Promise<LoadEnd> {
  const { cluster, namespace, runner, pods, endedFromHere, givenUp } = options;
  const take = (line: string) => ledger.take(line, Date.now());
  let end: PodEnd;
  let fromHere: string | null = null;
  try {
    const { pod } = await pods.until(() => withLog(pods.get(runner)), givenUp);
    const target = { namespace, pod, container: CONTAINER };
    const enough = new AbortController();
    let broken = '';
    const following = cluster.followLog(target, take, enough.signal).catch((error: unknown) => {
      broken = reasonOf(error);
    });
    try {
      end = await pods.until(() => pods.get(runner)?.end ?? null, givenUp);
      fromHere = endedFromHere();
      await Promise.race([following, sleep(REST_OF_LOG_MS, undefined, { ref: false })]);
    } finally {
      enough.abort();
      await following;
    }
    const missing = ledger.iterations === null || ledger.writes < ledger.iterations;
    if (missing || broken !== '') await readEnd(cluster, target, take);
    if (broken !== '') end = { ...end, why: `${end.why}; its log broke off: ${broken}` };
  } catch (error) {
    // The pod never came, or never went.
    end = { exitCode: null, signal: null, why: reasonOf(error) };
  }
  const { exitCode, signal } = end;
  const why = exitCode === 0 ? end.why : [fromHere, end.why].filter(Boolean).join('; ');
  return {
    exitCode,
    signal,
    iterations: ledger.iterations,
    dropped: ledger.dropped,
    why: exitCode === 0 || ledger.said === '' ? why : `${why}; last in its log: ${ledger.said}`,
  };
}

function withLog(pod: RunnerPod | undefined): RunnerPod | null {
  return pod !== undefined && (pod.started || pod.end !== null) ? pod : null;
}

/** Once more the end of the log, for lines that a broken connection lost. Of a pod that is gone there is none. */
async function readEnd(
  cluster: Cluster,
  target: Parameters<Cluster['log']>[0],
  take: (line: string) => void,
): Promise<void> {
  try {
    const text = await cluster.log(target, END_OF_LOG_BYTES);
    const lines = text.split('\n');
    // Its first line may have lost its beginning.
    if (Buffer.byteLength(text) >= END_OF_LOG_BYTES - 1) lines.shift();
    // Only what is of use a second time: other words are in the log file already.
    for (const line of lines) if (/^[AFU#{]/.test(line)) take(line);
  } catch {
    // What has no line is unknown.
  }
}
