/**
 * Load from inside the cluster, where one machine is not enough: k6 runners that share one test, wait for each other and are released
 * together. Every runner keeps a ledger of its own, which is its log; a runner that dies is not replaced, and is told as an end.
 */
import { reasonOf } from '../../record/reason.ts';
import type { Redact } from '../../record/writer.ts';
import { CannotRun, type Emit } from '../platform.ts';
import { abortError } from './aborted.ts';
import type { Cluster } from './cluster.ts';
import { createdObjects } from './created-objects.ts';
import { checkLoad, loadData, loadLabels, type LoadObjects, REST_PORT, runnerJob } from './runners/job.ts';
import type { RunnerFiles } from './runners/ledger.ts';
import { followRunner, type RunnerLife } from './runners/life.ts';
import { type LoadEnd, mergeEnds } from './runners/merge.ts';
import { type RunnerPods, watchRunnerPods } from './runners/pods.ts';
import { releaseAll, type RestPort, stopK6, untilPaused } from './runners/release.ts';
import { Seconds, type SecondSummary } from './runners/seconds.ts';
import { runnerNames } from './runners/segments.ts';
import { checkTestRunServed, runnerTestRun } from './runners/testrun.ts';

const POLL_MS = 250;
/** A second is told this much after its end: a line comes by way of the kubelet and the API server. */
const SETTLE_MS = 1_000;
/** The anchor's line is read this much after it was written, at most. */
const MAX_LATE_MS = 5_000;

export interface RunnerLimits {
  /** From the objects to the release: pulling the image, starting, making virtual users; and again to the first line. */
  startMs: number;
  /** Past its schedule and three attempts of its last write, k6 only writes its summary. */
  endMs: number;
  /** From a request to stop to the deletion. */
  stopMs: number;
  /** From the deletion until a pod is given up. */
  goneMs: number;
}
const LIMITS: RunnerLimits = { startMs: 90_000, endMs: 60_000, stopMs: 10_000, goneMs: 30_000 };

export interface RunnersOptions {
  cluster: Cluster;
  namespace: string;
  runId: string;
  /** `job`: an Indexed Job. `testrun`: a TestRun of the k6-operator, which releases the runners itself. */
  kind: 'job' | 'testrun';
  count: number;
  /** The bundled script itself, not its path. */
  scriptJs: string;
  image: string;
  /** Base name: the runners are `<runner>-1`, `<runner>-2`, ... */
  runner: string;
  filesOf: (runner: string) => RunnerFiles;
  redact: Redact;
  /** What the script needs: URL, TOKEN, POINTS, TIMEOUT_MS. Travels in a Secret. */
  env: Record<string, string>;
  /** Of all runners together. */
  ratePerS: number;
  /** Of all runners together; rounded up so that each has as many. */
  vus: number;
  forMs: number;
  emit: Emit;
  nowMs: () => number;
  onSecond?: (second: SecondSummary) => void;
  /** Ends the start; what runs is ended by `stop`. */
  signal: AbortSignal;
  /** For tests. */
  limits?: Partial<RunnerLimits>;
}

export interface RunnerLoad {
  runner: string;
  /** Its share. */
  ratePerS: number;
  /** Largest number of a virtual user, which is that of the whole load: k6 deals them out in turn. */
  vus: number;
  anchorWallMs: Promise<number | null>;
  /** Resolves when its pod has ended and its ledger is whole, or as whole as it will be; never rejects. */
  ended: Promise<LoadEnd>;
}

/** As a load on this machine is (harness/load.ts), and the runners it consists of. */
export interface RunningRunners {
  readonly pid: null;
  /** Of all runners together: see RunnerLoad. */
  readonly vus: number;
  /** Start of the first runner's schedule, milliseconds since the Unix epoch by this machine's clock; null when none wrote. */
  readonly anchorWallMs: Promise<number | null>;
  /** Resolves when every runner has ended and its objects are removed; never rejects. */
  readonly ended: Promise<LoadEnd>;
  readonly runners: readonly RunnerLoad[];
  /** Ends it now: what is in flight becomes unknown. Idempotent, never rejects. */
  stop(): Promise<void>;
}

/**
 * Resolves when all runners were released. Throws UsageError for what cannot be run, before anything is made; CannotRun, naming the runner, when
 * one does not come up (everything is removed then); an AbortError when the signal was aborted.
 */
export async function startRunners(options: RunnersOptions): Promise<RunningRunners> {
  const { cluster, namespace, kind, count, emit, signal } = options;
  const limits = { ...LIMITS, ...options.limits };
  const load = loadOf(options, limits);
  checkLoad(load);
  if (kind === 'testrun') await checkTestRunServed(cluster);
  if (signal.aborted) throw abortError('starting the load');

  const names = runnerNames(load.base, count);
  const made = createdObjects(cluster, emit);
  const seconds = new Seconds(options.onSecond ?? (() => undefined));
  const givenUp = new AbortController();
  let endedFromHere: string | null = null;
  const pods = watchRunnerPods({
    cluster,
    namespace,
    labelSelector: selectorOf(load),
    names,
    gap: (fromMs, toMs, why) => emit({ kind: 'gap', what: 'pods of the k6 runners', fromMs, toMs, why }),
  });
  const lives: RunnerLife[] = [];
  const forwards = new Map<string, { port: number; close(): Promise<void> }>();
  /** Takes the objects, and so the pods, away. */
  const endNow = (why: string) => {
    if (endedFromHere === null || endedFromHere === STOPPED) endedFromHere = why;
    void made.remove();
    const late = setTimeout(() => givenUp.abort(new Error(`${why}; its pod did not go`)), limits.goneMs);
    void Promise.all(lives.map(({ ended }) => ended)).then(() => clearTimeout(late));
  };
  const close = async () => {
    await made.remove();
    pods.stop();
    await Promise.all([...forwards.values()].map((forward) => forward.close()));
  };

  try {
    for (const runner of names)
      lives.push(
        followRunner({
          cluster,
          namespace,
          runner,
          files: options.filesOf(runner),
          redact: options.redact,
          pods,
          onWrite: (of, write) => seconds.add(of, write),
          endedFromHere: () => endedFromHere,
          givenUp: givenUp.signal,
          emit,
        }),
      );
    const runner = kind === 'job' ? runnerJob(load) : runnerTestRun(load);
    for (const object of [...loadData(load), runner]) await made.create(object);
    await bringUp({ ...options, names, pods, forwards, lives, startMs: limits.startMs });
  } catch (error) {
    const why = reasonOf(error);
    const dead = lives.filter(({ runner }) => pods.get(runner)?.end);
    endNow(why);
    // Without its objects nothing of it will come.
    if (lives.length < count || !made.isWhole(3)) givenUp.abort(error);
    await Promise.all(lives.map(({ ended }) => ended));
    await close();
    if (signal.aborted) throw abortError('starting the load');
    const said = dead.flatMap((life) => (life.said === '' ? [] : [`${life.runner}: ${life.said}`]));
    const words = said.length === 0 ? '' : `; last in its log: ${said.join('; ')}`;
    throw new CannotRun(`load "${load.base}": ${why}${words}`, { cause: error });
  }

  const releasedMs = performance.now();
  const lastMs = load.forMs + lastWriteMs(load) + limits.endMs + (kind === 'testrun' ? limits.startMs : 0);
  const deadline = setTimeout(
    () => endNow(`k6 did not end ${limits.endMs / 1_000} s after its last write was due and was deleted`),
    lastMs,
  );
  const anchorWallMs = Promise.all(lives.map((life) => life.anchorWallMs)).then(earliest);
  let startedMs: number | null = null;
  const start = async () => {
    const wallMs = await anchorWallMs;
    if (wallMs === null) return;
    startedMs = performance.now() - Math.min(MAX_LATE_MS, Math.max(0, Date.now() - wallMs));
  };
  void start();
  const watch = setInterval(() => {
    const now = performance.now();
    for (const life of lives) life.poll(now, now - releasedMs > limits.startMs);
    if (startedMs !== null) seconds.tell(now - startedMs - SETTLE_MS);
  }, POLL_MS);

  const ended = Promise.all(lives.map(async ({ runner, ended: end }) => ({ runner, ...(await end) }))).then(
    async (ends) => {
      clearTimeout(deadline);
      clearInterval(watch);
      seconds.finish();
      await close();
      return mergeEnds(ends);
    },
  );

  return {
    pid: null,
    vus: load.vus,
    anchorWallMs,
    ended,
    runners: lives.map((life) => ({
      runner: life.runner,
      ratePerS: load.ratePerS / count,
      vus: load.vus,
      anchorWallMs: life.anchorWallMs,
      ended: life.ended,
    })),
    async stop() {
      endedFromHere ??= STOPPED;
      const asked = lives.flatMap(({ isOver, runner }) => (isOver ? [] : (forwards.get(runner) ?? [])));
      // Whoever cannot be asked is deleted a moment later.
      const firm = setTimeout(() => endNow('k6 did not stop and was deleted'), limits.stopMs);
      await Promise.allSettled(asked.map(({ port }) => stopK6(port)));
      await ended;
      clearTimeout(firm);
    },
  };
}

const STOPPED = 'k6 was stopped by the harness';

function loadOf(options: RunnersOptions, limits: RunnerLimits): LoadObjects {
  const { namespace, runId, runner: base, count, scriptJs, image, env, ratePerS, forMs } = options;
  const enough = options.vus >= count;
  const vus = enough ? Math.ceil(options.vus / count) * count : options.vus;
  const load = { namespace, runId, base, count, scriptJs, image, env, ratePerS, vus, forMs };
  // The cluster's own bound comes last: it is for a harness that is no more.
  const deadlineMs = 2 * limits.startMs + forMs + lastWriteMs(load) + limits.endMs + limits.stopMs;
  return { ...load, deadlineMs };
}

/** Three attempts of the last write; the script waits for them. */
function lastWriteMs({ env }: Pick<LoadObjects, 'env'>): number {
  return 3 * (Number(env['TIMEOUT_MS']) || 0);
}

function selectorOf(load: LoadObjects): string {
  return Object.entries(loadLabels(load))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

function earliest(anchors: readonly (number | null)[]): number | null {
  const known = anchors.filter((wallMs) => wallMs !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** Waits until every runner is ready, and where nobody else does it, releases them. Throws an Error that names the runner in its way. */
async function bringUp(
  options: Pick<RunnersOptions, 'cluster' | 'namespace' | 'kind' | 'signal'> & {
    names: readonly string[];
    pods: RunnerPods;
    forwards: Map<string, { port: number; close(): Promise<void> }>;
    lives: readonly RunnerLife[];
    startMs: number;
  },
): Promise<void> {
  const { cluster, namespace, kind, names, pods, forwards, lives, startMs } = options;
  const late = AbortSignal.timeout(startMs);
  const signal = AbortSignal.any([options.signal, late]);
  const noneDead = () => {
    const dead = names.find((runner) => pods.get(runner)?.end);
    if (dead !== undefined)
      throw new Error(`runner ${dead} ended before the load began: ${pods.get(dead)?.end?.why ?? ''}`);
    return null;
  };
  const ready = () => noneDead() ?? (names.every((runner) => pods.get(runner)?.ready) || null);
  try {
    await pods.until(ready, signal);
  } catch (error) {
    if (!late.aborted || options.signal.aborted) throw error;
    throw new Error(`not ready within ${startMs / 1_000} s: ${names.flatMap(notReady(pods)).join('; ')}`, {
      cause: error,
    });
  }
  const ports: RestPort[] = [];
  for (const runner of names) {
    const forward = await cluster.portForward({
      namespace,
      pod: pods.get(runner)?.pod ?? runner,
      port: REST_PORT,
    });
    forwards.set(runner, forward);
    ports.push({ runner, port: forward.port });
  }
  if (kind === 'testrun') return;
  const settled = new AbortController();
  const waiting = AbortSignal.any([signal, settled.signal]);
  try {
    await Promise.race([
      Promise.all(ports.map((port) => untilPaused(port, waiting))),
      pods.until<never>(noneDead, waiting),
    ]);
  } finally {
    settled.abort();
  }
  const released = await releaseAll(ports, signal);
  for (const at of released) lives.find(({ runner }) => runner === at.runner)?.released(at);
}

function notReady(pods: RunnerPods): (runner: string) => string[] {
  return (runner) => {
    const pod = pods.get(runner);
    if (pod?.ready) return [];
    return [
      `runner ${runner} ${pod === undefined ? 'has no pod' : `(pod ${pod.pod}) is not ready: ${pod.waiting || 'no reason given'}`}`,
    ];
  };
}
