/** What runs while a system is deployed: store, network and pods, how they come up and how they are taken down. */
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { reasonOf } from '../../record/reason.ts';
import type { BuiltFile } from '../manifests/contract.ts';
import { letters, rollingBounds, templateHash } from '../manifests/workload.ts';
import type { DeployOptions, PrometheusRequest, StartedPrometheus } from '../platform.ts';
import { Autoscaler } from './autoscale/autoscaler.ts';
import type { AutoscalerManifest } from './autoscale/manifest.ts';
import { startNetwork } from './network.ts';
import type { Network } from './network.ts';
import { Pod } from './pod.ts';
import type { PodEvent } from './pod.ts';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import type { Postgres } from './postgres.ts';
import { logTail, sleep, startProcess } from './process.ts';
import { launchPrometheus, type LocalPrometheus, podTargets, type Target } from './prometheus.ts';
import { Replicas } from './replicas.ts';
import type { LocalSystem } from './system.ts';

/** What pods get between SIGTERM and SIGKILL when everything is taken down, milliseconds. */
const REMOVE_GRACE_MS = 2_000;
/** A pod that ended this often before it was ever ready will not become ready. */
const HOPELESS_RESTARTS = 1;

/** Everything that exists while a system is deployed. */
export interface Deployed {
  options: DeployOptions;
  system: LocalSystem;
  store?: Postgres;
  network?: Network;
  replicas?: Replicas;
  /** Only where the scenario asks for one. */
  autoscaler?: Autoscaler;
  /** Only where the run asks for one. */
  prometheus?: LocalPrometheus;
  links: Map<string, number>;
  /** Chaos objects whose unplayed fields are in the history already. */
  told: Set<string>;
  /** Changes of the endpoints, one after the other. */
  endpoints: Promise<void>;
  removing: boolean;
}

/** Store and network, at the same time. What came up of them is known to `deployed` even when the other failed. */
export async function startParts(deployed: Deployed, built: BuiltFile): Promise<void> {
  const { runId, evidenceDir, undo, signal, emit } = deployed.options;
  const lost = (phase: string) => (message: string) => {
    if (!deployed.removing) emit({ kind: 'run.crashed', phase, message });
  };
  const startStore = async () => {
    deployed.store = await startPostgres({ runId, evidenceDir, undo, signal, onLost: lost('store') });
  };
  const connect = async () => {
    const program = built('platforms/local/network/main.ts');
    const log = path.join(evidenceDir, 'network.log');
    deployed.network = await startNetwork({ program, runId, logFile: log, undo, onLost: lost('network') });
  };
  const failed = (await Promise.allSettled([startStore(), connect()])).find(
    (result) => result.status === 'rejected',
  );
  if (failed !== undefined) throw failed.reason;
}

/** Resolves when every replica is ready and in the endpoints; from then on the autoscaler decides how many there are. */
export async function startPods(deployed: Deployed, autoscaler: AutoscalerManifest | null): Promise<void> {
  const { options, system } = deployed;
  const { spec } = system.deployment;
  const hopeless = new AbortController();
  let up = false;
  const replicas = new Replicas({
    replicas: spec.replicas,
    maxSurge: system.workload.maxSurge,
    maxUnavailable: system.workload.maxUnavailable,
    minReadyMs: spec.minReadySeconds * 1000,
    progressDeadlineMs: spec.progressDeadlineSeconds * 1000,
    graceMs: system.workload.graceMs,
    create: (generation, changed) =>
      createPod(deployed, generation, changed, (pod, event) => {
        if (!up && event.state === 'exited' && !pod.terminating && pod.restarts >= HOPELESS_RESTARTS)
          hopeless.abort(
            new Error(
              `pod ${pod.name} ended ${pod.restarts + 1} times before it was ready (${event.signal ?? `code ${event.exitCode ?? '?'}`}); its log ends:\n${logTail(logFile(deployed, pod.name))}`,
            ),
          );
      }),
    onEndpoints: (ready) => publish(deployed, ready),
  });
  deployed.replicas = replicas;
  if (autoscaler) deployed.autoscaler = playAutoscaler(deployed, replicas, autoscaler);
  replicas.start();
  await replicas.until(
    () => replicas.settled(),
    'deploy',
    AbortSignal.any([options.signal, hopeless.signal]),
  );
  if (hopeless.signal.aborted) throw hopeless.signal.reason;
  if (options.signal.aborted) throw new Error('interrupted while the pods were starting');
  await deployed.endpoints;
  up = true;
  deployed.autoscaler?.start();
}

function playAutoscaler(deployed: Deployed, replicas: Replicas, manifest: AutoscalerManifest): Autoscaler {
  const { options, system } = deployed;
  const { autoscale } = options;
  if (autoscale === undefined) throw new Error('no autoscaler was asked for');
  const { spec } = system.deployment;
  return new Autoscaler({
    deployOptions: { ...options, autoscale },
    manifest,
    deployment: system.deployment,
    scaled: {
      replicas: () => replicas.options.replicas,
      scaleTo: (size) => replicas.scaleTo(size, rollingBounds({ ...spec, replicas: size })),
      pids: () =>
        new Map(
          replicas.pods.flatMap(({ name, process }) => (process === undefined ? [] : [[name, process.pid]])),
        ),
    },
  });
}

function createPod(
  deployed: Deployed,
  generation: number,
  changed: () => void,
  onEvent: (pod: { name: string; terminating: boolean; restarts: number }, event: PodEvent) => void,
): Pod {
  const { options, system, links } = deployed;
  const { emit, undo, runId, defect } = options;
  const truthDir = process.env['PROOFLOAD_TRUTH_DIR'];
  const { network, store } = deployed;
  if (network === undefined || store === undefined)
    throw new Error('pods need the network and the store first');
  const { name: workload, namespace } = system.deployment.metadata;
  const uid = randomUUID();
  const name = `${workload}-${templateHash(system.deployment, generation)}-${letters([...randomBytes(5)])}`;
  const progress = { name, terminating: false, restarts: 0 };
  return new Pod({
    name,
    uid,
    generation,
    template: system.template,
    async setUp() {
      links.set(uid, await network.openLink(uid, store.port));
      return { port: await freePort() };
    },
    start: (port) =>
      startProcess({
        what: `pod ${name}`,
        file: process.execPath,
        args: [system.program],
        env: {
          PATH: process.env['PATH'] ?? '',
          ...system.environment({ name, uid, namespace }),
          LISTEN: `127.0.0.1:${port}`,
          POD_NAME: name,
          // The kubelet's, in every container.
          HOSTNAME: name,
          [system.urlVariable]: store.url(links.get(uid)),
          ...(defect !== undefined && { PROOFLOAD_DEFECT: defect }),
          // Of tests that compare what a defect did with what the checks found; nothing else sets it.
          ...(truthDir !== undefined && { PROOFLOAD_TRUTH_DIR: truthDir }),
        },
        runId,
        logFile: logFile(deployed, name),
        undo,
      }),
    async tearDown() {
      links.delete(uid);
      if (!deployed.removing) await network.closeLink(uid);
    },
    onEvent(event) {
      if (event.state === 'terminating') progress.terminating = true;
      if (event.restarts !== undefined) progress.restarts = event.restarts;
      emit({ kind: 'pod', pod: name, uid, ...event });
      deployed.autoscaler?.podChanged(name, uid, event);
      if (event.state === 'started') publishTargets(deployed);
      onEvent(progress, event);
    },
    onChange: () => {
      changed();
      publishTargets(deployed);
    },
  });
}

/** Tells the balancer, then the history: the event says what new connections meet from then on. */
function publish(deployed: Deployed, ready: readonly Pod[]): void {
  const { network, options, system } = deployed;
  if (network === undefined || deployed.removing) return;
  const ports = ready.map((pod) => pod.port);
  const names = ready.map((pod) => pod.name);
  const travels = sleep(system.endpointsLagMs);
  deployed.endpoints = deployed.endpoints
    .then(() => travels)
    .then(() => network.setEndpoints(ports))
    .then(() => options.emit({ kind: 'endpoints', service: system.serviceName, ready: names }))
    .catch((error: unknown) => {
      if (!deployed.removing) options.emit({ kind: 'run.crashed', phase: 'network', message: String(error) });
    });
}

/** Of a system that is deployed; from now on it is told of every pod that comes and goes. */
export async function startPrometheus(
  deployed: Deployed,
  request: PrometheusRequest,
): Promise<StartedPrometheus> {
  const { runId, evidenceDir, undo, signal } = deployed.options;
  const prometheus = await launchPrometheus({
    request,
    targets: targetsOf(deployed),
    runId,
    evidenceDir,
    undo,
    signal,
  });
  deployed.prometheus = prometheus;
  // While it came up there may have been changes.
  publishTargets(deployed);
  return prometheus;
}

function targetsOf({ system, replicas }: Deployed): Target[] {
  return podTargets(system, replicas?.pods ?? []);
}

/** A full disk must not end a pod's life here. */
function publishTargets(deployed: Deployed): void {
  try {
    deployed.prometheus?.setTargets(targetsOf(deployed));
  } catch (error) {
    const text = `Prometheus could not be told of its targets: ${reasonOf(error)}`;
    deployed.options.emit({ kind: 'note', text });
  }
}

/** Pods, network and store, each whatever became of the others. What cannot be taken back stays in the undo journal. */
export async function removeAll(deployed: Deployed): Promise<void> {
  deployed.removing = true;
  const steps = [
    () => deployed.autoscaler?.stop(),
    () => deployed.prometheus?.stop(),
    () => deployed.replicas?.remove(REMOVE_GRACE_MS),
    () => deployed.autoscaler?.close(),
    () => deployed.endpoints,
    () => deployed.network?.stop(),
    () => deployed.store?.remove(),
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      deployed.options.emit({
        kind: 'note',
        text: `removing: ${reasonOf(error)}; proofload heal takes back what is left`,
      });
    }
  }
}

function logFile(deployed: Deployed, pod: string): string {
  return path.join(deployed.options.evidenceDir, `${pod}.log`);
}
