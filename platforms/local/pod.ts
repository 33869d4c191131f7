/**
 * One pod's life: its container is started, probed, restarted in place with back-off, and taken down the way the kubelet
 * does it. Tells its state in the words of Kubernetes; what follows from it (endpoints, replacements) is decided by replicas.ts.
 */
import type { EventOf } from '../../record/model.ts';
import { reasonOf } from '../../record/reason.ts';
import { createBackOff } from './back-off.ts';
import { httpGet, runProbe } from './probes.ts';
import { endsWithin, sleep } from './process.ts';
import type { RunningProcess } from './process.ts';
import type { PodTemplate } from '../manifests/workload.ts';

/** The kubelet leaves a container at least this long between SIGTERM and SIGKILL, however long its hook took. */
const LEAST_LEFT_MS = 2_000;

export type PodEvent = Omit<EventOf<'pod'>, 'at' | 'kind' | 'pod' | 'uid'>;

export interface PodOptions {
  name: string;
  uid: string;
  /** Which template it was made from; a rollout goes from one to the next. */
  generation: number;
  template: PodTemplate;
  /** Before the first start: the pod's own port, and whatever else it needs. */
  setUp(): Promise<{ port: number }>;
  /** One container process listening on the port. Throws when it cannot be started. */
  start(port: number): RunningProcess;
  tearDown(): Promise<void>;
  onEvent(event: PodEvent): void;
  /** After every change of `ready`, `terminating` or `deleted`. */
  onChange(): void;
}

export interface Termination {
  why: string;
  graceMs: number;
  /** Run the preStop hook? Not when the pod is killed or the whole platform is taken down. */
  hook: boolean;
}

export class Pod {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  port = 0;
  ready = false;
  /** When it became ready, on the clock of performance.now(). */
  readySinceMs = 0;
  terminating = false;
  deleted = false;
  restarts = 0;
  process: RunningProcess | undefined;
  /** The last thing that went wrong, for errors. */
  lastTrouble = '';
  /** Resolves when the pod is gone. */
  readonly gone: Promise<void>;

  readonly #options: PodOptions;
  readonly #ending = new AbortController();
  readonly #hurry = new AbortController();
  #endWhy = '';
  #stopping = false;

  constructor(options: PodOptions) {
    this.name = options.name;
    this.uid = options.uid;
    this.generation = options.generation;
    this.#options = options;
    options.onEvent({ state: 'created' });
    this.gone = this.#live();
  }

  /** Deletes the pod. A second call with grace 0 or without the hook cuts a deletion short that is under way. */
  terminate({ why, graceMs, hook }: Termination): Promise<void> {
    if (this.terminating) {
      if (graceMs === 0 || !hook) this.#hurry.abort();
      return this.gone;
    }
    this.terminating = true;
    this.ready = false;
    this.#endWhy = why;
    const wasStopping = this.#stopping;
    if (this.process !== undefined && graceMs === 0) this.#kill(this.process, why);
    this.#options.onEvent({ state: 'terminating', why });
    this.#ending.abort();
    this.#options.onChange();
    if (this.process !== undefined && graceMs > 0) {
      if (wasStopping && !hook) this.#hurry.abort();
      void this.#stop(this.process, { why, graceMs, hook });
    }
    return this.gone;
  }

  async #live(): Promise<void> {
    const backOff = createBackOff();
    let port: number | undefined;
    while (!this.terminating) {
      try {
        port ??= (await this.#options.setUp()).port;
        this.port = port;
        if (this.terminating) break;
        await this.#runContainer(port);
      } catch (error) {
        this.lastTrouble = reasonOf(error);
        this.#options.onEvent({ state: 'exited', exitCode: null, signal: null, why: this.lastTrouble });
      }
      if (this.terminating) break;
      await sleep(backOff.next(performance.now()), this.#ending.signal);
      this.restarts += 1;
    }
    this.deleted = true;
    this.#options.onEvent({ state: 'deleted', why: this.#endWhy });
    this.#options.onChange();
    if (port !== undefined) await this.#options.tearDown().catch(() => undefined);
  }

  /** From the start of the container's process to its end. */
  async #runContainer(port: number): Promise<void> {
    const process = this.#options.start(port);
    const startedAtMs = performance.now();
    this.process = process;
    this.#stopping = false;
    this.#options.onEvent({ state: 'started', pid: process.pid, restarts: this.restarts });
    const probing = new AbortController();
    void this.#probe(process, port, startedAtMs, AbortSignal.any([probing.signal, this.#ending.signal]));
    const exit = await process.exited;
    probing.abort();
    this.process = undefined;
    const why = this.terminating ? this.#endWhy : this.#stopping ? this.#endWhy : 'crash';
    if (!this.terminating)
      this.lastTrouble = `exited with ${exit.signal ?? `code ${exit.exitCode}`} (${why})`;
    this.#options.onEvent({ state: 'exited', pid: process.pid, ...exit, why });
    this.#setReady(false, 'its container ended');
  }

  /** The startup probe holds back the other two; without a readiness probe a started container is ready. */
  async #probe(
    process: RunningProcess,
    port: number,
    startedAtMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { startup, readiness, liveness } = this.#options.template;
    const common = { port, startedAtMs, signal };
    if (startup !== undefined) {
      const started = new AbortController();
      await runProbe({
        ...common,
        probe: startup,
        signal: AbortSignal.any([signal, started.signal]),
        onVerdict: (ok, detail) => {
          if (!ok) this.#restart(process, 'startup', detail);
          started.abort();
        },
      });
      if (signal.aborted || this.#stopping) return;
    }
    if (readiness === undefined) this.#setReady(true, 'no readiness probe');
    else
      void runProbe({
        ...common,
        probe: readiness,
        onVerdict: (ok, detail) => this.#setReady(ok, `readiness: ${detail}`),
      });
    if (liveness === undefined) return;
    const failed = new AbortController();
    await runProbe({
      ...common,
      probe: liveness,
      signal: AbortSignal.any([signal, failed.signal]),
      onVerdict: (ok, detail) => {
        if (ok) return;
        failed.abort();
        this.#restart(process, 'liveness', detail);
      },
    });
  }

  /** A failed startup or liveness probe ends the container the gentle way; the pod and its readiness stay as they are until it ended. */
  #restart(process: RunningProcess, why: string, detail: string): void {
    if (this.terminating || process.gone()) return;
    this.#endWhy = why;
    this.lastTrouble = `${why} probe: ${detail}`;
    void this.#stop(process, { why, graceMs: this.#options.template.graceMs, hook: true });
  }

  /** preStop within the grace period, SIGTERM, SIGKILL (kubelet: killContainer). The hook's time counts in whole seconds. */
  async #stop(process: RunningProcess, { why, graceMs, hook }: Termination): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const beganMs = performance.now();
    if (hook) await this.#preStop(process, graceMs);
    const hookMs = Math.floor((performance.now() - beganMs) / 1000) * 1000;
    const leftMs = hook ? Math.max(LEAST_LEFT_MS, graceMs - hookMs) : graceMs;
    if (process.gone()) return;
    this.#options.onEvent({ state: 'sigterm', pid: process.pid, why });
    process.signal('SIGTERM');
    if (await endsWithin(process, leftMs, this.#hurry.signal)) return;
    // Without the hook the whole platform is taken down, with a grace that is not the pod's own.
    this.#kill(process, why, hook && !this.#hurry.signal.aborted);
  }

  async #preStop(process: RunningProcess, graceMs: number): Promise<void> {
    const { preStop } = this.#options.template;
    if (preStop?.kind === 'sleep')
      await endsWithin(process, Math.min(preStop.ms, graceMs), this.#hurry.signal);
    if (preStop?.kind !== 'http') return;
    // The status does not matter, and a transport error only ends the hook (kubelet, lifecycle handlers).
    const waiting = new AbortController();
    await Promise.race([
      httpGet(this.port, preStop.path, graceMs),
      process.exited,
      sleep(graceMs, AbortSignal.any([this.#hurry.signal, waiting.signal])),
    ]);
    waiting.abort();
  }

  #kill(process: RunningProcess, why: string, graceExpired = false): void {
    process.signal('SIGKILL');
    this.#options.onEvent({ state: 'sigkill', pid: process.pid, why, ...(graceExpired && { graceExpired }) });
  }

  #setReady(ready: boolean, why: string): void {
    if (this.ready === ready || this.terminating) return;
    this.ready = ready;
    if (ready) this.readySinceMs = performance.now();
    else this.lastTrouble = why;
    this.#options.onEvent({ state: ready ? 'ready' : 'unready', why });
    this.#options.onChange();
  }
}
