/** The pods as an API server has them, kept from what happens to them: told to the watch log, and read by the HPA's decision. */
import type { HpaPod } from '../../../analysis/hpa/types.ts';
import type { Deployment } from '../../manifests/objects.ts';
import type { PodEvent } from '../pod.ts';
import type { AutoscalerManifest } from './manifest.ts';
import type { ServerClock, Told, ToldObject } from './told.ts';

interface KnownPod {
  name: string;
  uid: string;
  createdMs: number;
  running: boolean;
  ready: boolean;
  readyChangedMs: number;
  restarts: number;
  exitCode: number | null;
  deleted: { atMs: number; graceMs: number } | null;
}

/** Deletions that leave no time. */
const WITHOUT_GRACE = /^(pod-kill|remove)\b/;
const EXIT_CODES: Record<string, number> = { SIGKILL: 137, SIGTERM: 143 };

export interface PodCounts {
  /** Those that are not on their way out. */
  replicas: number;
  ready: number;
}

export class PodObjects {
  readonly #told: Told;
  readonly #clock: ServerClock;
  readonly #deployment: Deployment;
  readonly #container: string;
  readonly #containers: AutoscalerManifest['containers'];
  readonly #pods = new Map<string, KnownPod>();

  constructor(
    told: Told,
    clock: ServerClock,
    deployment: Deployment,
    { container, containers }: Pick<AutoscalerManifest, 'container' | 'containers'>,
  ) {
    this.#told = told;
    this.#clock = clock;
    this.#deployment = deployment;
    this.#container = container;
    this.#containers = containers;
  }

  /** Something happened to a pod. */
  changed(name: string, uid: string, event: PodEvent): void {
    const atMs = this.#clock.nowMs();
    const pod = this.#pods.get(uid) ?? {
      name,
      uid,
      createdMs: atMs,
      running: false,
      ready: false,
      readyChangedMs: atMs,
      restarts: 0,
      exitCode: null,
      deleted: null,
    };
    this.#pods.set(uid, pod);
    switch (event.state) {
      case 'started':
        pod.running = true;
        pod.restarts = event.restarts ?? pod.restarts;
        pod.exitCode = null;
        break;
      case 'ready':
      case 'unready':
        pod.ready = event.state === 'ready';
        pod.readyChangedMs = atMs;
        break;
      case 'terminating':
        pod.deleted ??= {
          atMs,
          graceMs: WITHOUT_GRACE.test(event.why ?? '')
            ? 0
            : this.#deployment.spec.template.spec.terminationGracePeriodSeconds * 1_000,
        };
        break;
      case 'exited':
        pod.exitCode = event.exitCode ?? EXIT_CODES[event.signal ?? ''] ?? null;
        break;
      case 'deleted':
        this.#pods.delete(uid);
        break;
      default:
        break;
    }
    const type = event.state === 'created' ? 'ADDED' : event.state === 'deleted' ? 'DELETED' : 'MODIFIED';
    this.#told.tell(type, this.#object(pod));
  }

  /** As the HPA's controller sees them. */
  seen(): HpaPod[] {
    const { seconds } = this.#clock;
    return [...this.#pods.values()].map(({ name, running, deleted, createdMs, ready, readyChangedMs }) => ({
      name,
      phase: running ? 'Running' : 'Pending',
      deleted: deleted !== null,
      startedAtMs: seconds(createdMs),
      ready: { status: ready, changedAtMs: seconds(readyChangedMs) },
      containers: this.#containers,
    }));
  }

  counts(): PodCounts {
    const staying = [...this.#pods.values()].filter(({ deleted }) => deleted === null);
    return { replicas: staying.length, ready: staying.filter(({ ready }) => ready).length };
  }

  #object(pod: KnownPod): ToldObject {
    const { stamp } = this.#clock;
    const { metadata, spec } = this.#deployment;
    const { deleted, running, exitCode } = pod;
    const graceS = spec.template.spec.terminationGracePeriodSeconds;
    return {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: {
        name: pod.name,
        namespace: metadata.namespace,
        uid: pod.uid,
        creationTimestamp: stamp(pod.createdMs),
        labels: spec.template.metadata.labels,
        ...(deleted && {
          deletionTimestamp: stamp(deleted.atMs + deleted.graceMs),
          deletionGracePeriodSeconds: deleted.graceMs / 1_000,
        }),
      },
      spec: {
        nodeName: 'local',
        terminationGracePeriodSeconds: graceS,
        containers: this.#containers.map(({ name, requestsMilli }) => ({
          name,
          resources: {
            requests: Object.fromEntries(
              Object.entries(requestsMilli).map(([resource, milli]) => [resource, `${milli}m`]),
            ),
          },
        })),
      },
      status: {
        phase: running ? 'Running' : 'Pending',
        startTime: stamp(pod.createdMs),
        conditions: [
          { type: 'PodScheduled', status: 'True', lastTransitionTime: stamp(pod.createdMs) },
          {
            type: 'Ready',
            status: pod.ready ? 'True' : 'False',
            lastTransitionTime: stamp(pod.readyChangedMs),
          },
        ],
        containerStatuses: running
          ? [
              {
                name: this.#container,
                ready: pod.ready,
                restartCount: pod.restarts,
                state:
                  exitCode === null
                    ? { running: {} }
                    : { terminated: { exitCode, finishedAt: stamp(this.#clock.nowMs()) } },
              },
            ]
          : [],
      },
    };
  }
}
