/**
 * Plays the HorizontalPodAutoscaler of the manifests: the controller's decision (analysis/hpa) on what the pods' processes really use, and
 * the replicas set by it. A rehearsal: one machine, no CPU limits, no metrics-server. What it saw and did is told as a cluster tells it.
 */
import { decide, firstSyncMs } from '../../../analysis/hpa/decide.ts';
import { proposalOf, tolerancesOf } from '../../../analysis/hpa/replicas.ts';
import {
  CONTROLLER_DEFAULTS,
  type ControllerParameters,
  type ControllerState,
  EMPTY_STATE,
  type MetricSpec,
  type PodMetrics,
  type Proposal,
} from '../../../analysis/hpa/types.ts';
import { milliOf } from '../../../analysis/quantity.ts';
import { reasonOf } from '../../../record/reason.ts';
import type { Deployment } from '../../manifests/objects.ts';
import type { DeployOptions, Scaling } from '../../platform.ts';
import type { PodEvent } from '../pod.ts';
import { sleep } from '../process.ts';
import type { AutoscalerManifest } from './manifest.ts';
import { deploymentObject, hpaEvent, hpaObject, podMetricsObject, usageOf } from './objects.ts';
import { type PodCounts, PodObjects } from './pods.ts';
import { type PodSample, PodSampler } from './samples.ts';
import { type HpaStatus, NEW_STATUS, statusAfter } from './status.ts';
import { openTold, type ServerClock, serverClock, type Told, type ToldObject } from './told.ts';

/** The version whose rules are played. */
const VERSION = '1.35.0';
const PARAMETERS_VERSION = [1, 35] as const;

/** What it works on. */
export interface Scaled {
  /** `spec.replicas` of the Deployment. */
  replicas(): number;
  scaleTo(replicas: number): void;
  /** The container's process, by pod's name. */
  pids(): Map<string, number>;
}

interface Options {
  deployOptions: DeployOptions & { autoscale: NonNullable<DeployOptions['autoscale']> };
  manifest: AutoscalerManifest;
  deployment: Deployment;
  scaled: Scaled;
}

/** What kube-controller-manager would be started with. */
export function parametersOf(autoscale: NonNullable<DeployOptions['autoscale']>): ControllerParameters {
  const { syncPeriodMs, downscaleStabilizationMs } = autoscale;
  return {
    ...CONTROLLER_DEFAULTS,
    version: PARAMETERS_VERSION,
    syncPeriodMs,
    ...(downscaleStabilizationMs !== undefined && { downscaleStabilizationMs }),
  };
}

/** One HPA and its controller, from the creation of the pods to their end. */
export class Autoscaler {
  readonly #options: Options;
  readonly #parameters: ControllerParameters;
  readonly #told: Told;
  readonly #clock: ServerClock;
  readonly #pods: PodObjects;
  readonly #sampler = new PodSampler();
  readonly #stop = new AbortController();
  #samples = new Map<string, PodSample>();
  #state: ControllerState = EMPTY_STATE;
  #status: HpaStatus = NEW_STATUS;
  #hpaCreatedMs = 0;
  #scaledAtMs: number | null = null;
  #counts: PodCounts | null = null;

  /** Begins to tell of the pods; nothing is measured or scaled before `start`. */
  constructor(options: Options) {
    const { deployOptions, deployment, manifest } = options;
    this.#options = options;
    this.#parameters = parametersOf(deployOptions.autoscale);
    this.#clock = serverClock(deployOptions.nowMs);
    this.#told = openTold(deployOptions);
    this.#pods = new PodObjects(this.#told, this.#clock, deployment, manifest);
    deployOptions.emit({ kind: 'hpa.controller', version: VERSION, parameters: this.#known() });
    this.#tellDeployment('ADDED');
  }

  podChanged(name: string, uid: string, event: PodEvent): void {
    this.#pods.changed(name, uid, event);
    const { replicas, ready } = this.#pods.counts();
    if (this.#counts && this.#counts.replicas === replicas && this.#counts.ready === ready) return;
    this.#tellDeployment('MODIFIED');
  }

  /** The pods are up: the HPA is created now. */
  start(): void {
    this.#hpaCreatedMs = this.#clock.nowMs();
    this.#tellHpa('ADDED');
    const { metricsPeriodMs } = this.#options.deployOptions.autoscale;
    this.#measure();
    void this.#every(metricsPeriodMs, metricsPeriodMs, () => this.#measure());
    void this.#every(firstSyncMs(this.#parameters), this.#parameters.syncPeriodMs, () => this.#sync());
  }

  stop(): void {
    this.#stop.abort();
  }

  /** After the last pod has been told gone. */
  close(): void {
    this.stop();
    this.#told.close();
  }

  scaling(): Scaling | null {
    const { spec, requestMilli } = this.#options.manifest;
    if (requestMilli === null || !spec.metrics.some(({ name }) => name === 'cpu')) return null;
    const names = this.#pods.seen().filter(({ deleted }) => !deleted);
    const samples = names.flatMap(({ name }) => this.#samples.get(name) ?? []);
    return {
      spec,
      requestMilli,
      // Processes have none, whatever the manifest says.
      limitMilli: null,
      cpu:
        samples.length < names.length
          ? []
          : samples.map(({ pod, cpuNano, atMs, windowMs }) => ({
              pod,
              usageMilli: cpuNano / 1e6,
              atMs,
              windowMs,
            })),
    };
  }

  /** One thing after the other, with the period between an end and the next start, as a work queue with a fixed delay has it. */
  async #every(firstMs: number, periodMs: number, work: () => void): Promise<void> {
    const { signal } = this.#stop;
    for (let waitMs = firstMs; ; waitMs = periodMs) {
      await sleep(waitMs, signal);
      if (signal.aborted) return;
      try {
        work();
      } catch (error) {
        this.#options.deployOptions.emit({
          kind: 'run.crashed',
          phase: 'autoscaler',
          message: reasonOf(error),
        });
        return;
      }
    }
  }

  #measure(): void {
    const before = this.#samples;
    const samples = this.#sampler.look(this.#options.scaled.pids(), this.#clock.nowMs);
    this.#samples = new Map(samples.map((sample) => [sample.pod, sample]));
    for (const sample of before.values())
      if (!this.#samples.has(sample.pod)) this.#told.tell('DELETED', this.#podMetrics(sample));
    for (const sample of samples) this.#told.tell('POLLED', this.#podMetrics(sample));
  }

  #sync(): void {
    const { manifest, scaled } = this.#options;
    const { spec } = manifest;
    const nowMs = this.#clock.nowMs();
    const current = scaled.replicas();
    const pods = this.#pods.seen();
    const looksAtMetrics = current >= spec.min && current <= spec.max;
    const proposals = looksAtMetrics
      ? spec.metrics.map((metric) =>
          proposalOf(metric, {
            specReplicas: current,
            statusReplicas: this.#pods.counts().replicas,
            pods,
            podMetrics: this.#metricsFor(metric, new Set(pods.map(({ name }) => name))),
            tolerances: tolerancesOf(spec, this.#parameters),
            nowMs,
            parameters: this.#parameters,
          }),
        )
      : [];
    const decision = decide(this.#state, { nowMs, current, spec, proposals, parameters: this.#parameters });
    this.#state = decision.next;
    if (decision.rescale && decision.desired !== null) {
      this.#scaledAtMs = nowMs;
      // The new size is on record before anything follows from it.
      this.#tellDeployment('MODIFIED', decision.desired);
      scaled.scaleTo(decision.desired);
      this.#tellEvent(
        'SuccessfulRescale',
        `New size: ${decision.desired}; reason: ${decision.rescaleReason}`,
        'Normal',
      );
    }
    this.#tellFailures(proposals, decision.desired === null);
    const status = statusAfter(this.#status, {
      decision,
      current,
      spec,
      proposals,
      now: this.#clock.stamp(nowMs),
    });
    // Nothing is written that changes nothing.
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    this.#tellHpa('MODIFIED');
  }

  /** By pod, for a resource; empty for metrics that nobody measures here. */
  #metricsFor({ source, name, container }: MetricSpec, existing: ReadonlySet<string>): PodMetrics {
    if (source !== 'Resource' && source !== 'ContainerResource') return new Map();
    if (container !== undefined && container !== this.#options.manifest.container) return new Map();
    return new Map(
      [...this.#samples.values()].flatMap((sample) => {
        const valueMilli = milliOf(usageOf(sample)[name]);
        if (valueMilli === null || !existing.has(sample.pod)) return [];
        const atMs = this.#clock.seconds(sample.atMs);
        return [[sample.pod, { valueMilli, atMs, windowMs: sample.windowMs }] as const];
      }),
    );
  }

  #known() {
    const {
      syncPeriodMs,
      tolerance,
      downscaleStabilizationMs,
      cpuInitializationMs,
      initialReadinessDelayMs,
    } = this.#parameters;
    const source = 'platform' as const;
    return {
      syncPeriodMs: { value: syncPeriodMs, source },
      tolerance: { value: tolerance, source },
      downscaleStabilizationMs: { value: downscaleStabilizationMs, source },
      cpuInitializationMs: { value: cpuInitializationMs, source },
      initialReadinessDelayMs: { value: initialReadinessDelayMs, source },
    };
  }

  #podMetrics(sample: PodSample): ToldObject {
    const { deployment, manifest } = this.#options;
    return podMetricsObject(sample, deployment, manifest.container, this.#clock);
  }

  #tellHpa(type: 'ADDED' | 'MODIFIED'): void {
    const { manifest, deployment } = this.#options;
    const created = this.#clock.stamp(this.#hpaCreatedMs);
    this.#told.tell(type, hpaObject(manifest, deployment.metadata.namespace, this.#status, created));
  }

  #tellDeployment(type: 'ADDED' | 'MODIFIED', size = this.#options.scaled.replicas()): void {
    const scaledAt = this.#scaledAtMs === null ? null : this.#clock.stamp(this.#scaledAtMs);
    this.#counts = this.#pods.counts();
    this.#told.tell(type, deploymentObject(this.#options.deployment, size, this.#counts, scaledAt));
  }

  /** Of all that failed in a sync, as the controller tells it. */
  #tellFailures(proposals: readonly Proposal[], nothingDone: boolean): void {
    const failed = proposals.filter((proposal) => !proposal.ok);
    for (const { reason, message } of failed) this.#tellEvent(reason, message, 'Warning');
    if (nothingDone)
      this.#tellEvent(
        'FailedComputeMetricsReplicas',
        `invalid metrics (${failed.length} invalid out of ${proposals.length}), first error is: ${failed[0]?.message ?? ''}`,
        'Warning',
      );
  }

  #tellEvent(reason: string, message: string, type: 'Normal' | 'Warning'): void {
    const { manifest, deployment } = this.#options;
    this.#told.tell(
      'ADDED',
      hpaEvent(manifest, deployment.metadata.namespace, { reason, message, type }, this.#clock),
    );
  }
}
