/** What runs while a system is deployed on a cluster, or attached to: its watches, its records, the ways to it, and how it is taken down. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { LEFT_BEHIND } from '../../record/model.ts';
import { reasonOf } from '../../record/reason.ts';
import { CannotRun } from '../platform.ts';
import type { DeployOptions, Emit, PodView } from '../platform.ts';
import { selectsLabels } from '../manifests/find.ts';
import { manifestsAsPlayed } from '../manifests/played.ts';
import type { ManifestObject } from '../manifests/read.ts';
import { abortError } from './aborted.ts';
import { passwordOf } from './attach.ts';
import { ApiError } from './cluster.ts';
import type { Cluster, Deployed, KubeObject } from './cluster.ts';
import { readController } from './controller.ts';
import type { HpaParameters } from './controller.ts';
import { CONTROLLER_LEASE, worthALine } from './controller-lease.ts';
import { createNamespace, deploySystem, untilInService } from './deploy.ts';
import type { Dial } from './dial.ts';
import { removeRun } from './heal.ts';
import { observe } from './observed.ts';
import type { Observed, WatchedKind } from './observed.ts';
import { followPodLogs } from './pod-logs.ts';
import type { PodLogs } from './pod-logs.ts';
import { pollPodMetrics, servesPodMetrics } from './pod-metrics.ts';
import { isReady, isTerminating, readPod } from './pod-shape.ts';
import { chooseLoadUrl, insideUrl, openPodReach } from './reach.ts';
import type { PodReach } from './reach.ts';
import { reachStore } from './reach-store.ts';
import type { StoreReach } from './reach-store.ts';
import { PodRecorder } from './record-pods.ts';
import { toKubeObject, toManifest } from './rewrite.ts';
import type { ClusterSystem } from './system.ts';
import { openWatchFile } from './watch-file.ts';
import type { WatchFile } from './watch-file.ts';

export interface Running {
  /** Settles when everything is up and can be reached, or with the reason why not. */
  up: Promise<void>;
  loadUrl(): string;
  pods(): PodView[];
  storeEnv(): Record<string, string>;
  deployed(): Deployed;
  remove(): Promise<void>;
}

interface StartOptions {
  cluster: Cluster;
  system: ClusterSystem;
  attach: boolean;
  loadUrl: string | undefined;
  /** The load comes from inside the cluster. */
  inside: boolean;
  dial: Dial;
  /** What is known of the HPA's controller beyond what the cluster shows. */
  controller: Partial<HpaParameters> | undefined;
  options: DeployOptions;
}

export function startDeployment(start: StartOptions): Running {
  const { cluster, system, attach, options } = start;
  const { emit, undo, nowMs, signal, runId } = options;
  const { namespace } = system;
  const parts: Parts = {};
  const workloadPods = () =>
    (parts.observed?.objects('Pod') ?? []).filter((pod) =>
      selectsLabels(system.labels, pod.metadata.labels ?? {}),
    );
  const undoId = undo.intent({
    kind: 'cluster',
    what: attach
      ? `what run ${runId} adds to namespace ${namespace} of ${cluster.context}`
      : `namespace ${namespace} of ${cluster.context}`,
    context: cluster.context,
    server: cluster.server,
    namespace,
    ...(cluster.kubeconfig !== undefined && { kubeconfig: cluster.kubeconfig }),
  });

  return {
    up: bringUp(start, parts, workloadPods).catch((error: unknown) => {
      throw signal.aborted ? abortError('deploy') : error;
    }),
    loadUrl() {
      if (parts.loadUrl === undefined) throw new Error('the system is not up');
      return parts.loadUrl;
    },
    pods: () =>
      workloadPods().flatMap((object) => {
        const url = parts.reach?.url(object);
        const pod = readPod(object);
        if (url === undefined || pod.status.phase !== 'Running') return [];
        const { name, uid } = pod.metadata;
        return [{ name, uid, ready: isReady(pod), terminating: isTerminating(pod), url }];
      }),
    storeEnv() {
      const ways = Object.entries(parts.stores ?? {}).map(([variable, store]) => [variable, store.url()]);
      return Object.fromEntries(ways.filter(([, url]) => url !== undefined));
    },
    deployed() {
      const { observed, reach } = parts;
      if (observed === undefined || reach === undefined) throw new CannotRun('the system is not up');
      return {
        cluster,
        runId,
        namespace,
        deployment: system.workload.name,
        labels: system.labels,
        replicas: system.workload.replicas,
        pods: () => observed.objects('Pod'),
        nodes: () => observed.objects('Node'),
        deploymentNow: () =>
          observed.objects('Deployment').find(({ metadata }) => metadata.name === system.workload.name),
        async connects(pod, port, timeoutMs) {
          const answer = await reach.connects(pod, port, timeoutMs);
          if (answer === undefined)
            throw new Error(
              `pod ${pod.metadata.name} could not be asked: the API server has no way to it now`,
            );
          return answer;
        },
        containerPort: system.containerPort,
        emit,
        undo,
        nowMs,
        signal,
        attached: attach,
      };
    },
    async remove() {
      parts.recorder?.removing();
      // Waits until everything is gone, namespace included, or says what is not.
      const { left } = await removeRun(cluster, runId, [namespace]);
      for (const line of left) emit({ kind: 'note', text: `${LEFT_BEHIND}${line}` });
      if (left.length === 0) undo.done(undoId);
      await letGo(parts);
      parts.recorder?.ended();
    },
  };
}

/** Known as they come to be, so that what is half up can be taken down. */
interface Parts {
  observed?: Observed;
  recorder?: PodRecorder;
  file?: WatchFile;
  logs?: PodLogs;
  reach?: PodReach;
  /** By the variable that holds the address. */
  stores?: Record<string, StoreReach>;
  loadUrl?: string;
  endMetrics?: () => void;
}

async function bringUp(start: StartOptions, parts: Parts, workloadPods: () => KubeObject[]): Promise<void> {
  const { cluster, system, attach, options } = start;
  const { emit, signal, runId } = options;
  if (signal.aborted) throw abortError('deploy');
  for (const unplayed of system.unplayed) emit({ kind: 'unplayed', ...unplayed });
  await tellClock(cluster, emit);
  const observed = await watchEverything(start, parts, workloadPods);
  // Before the HPA comes: what it decides by is seen from its first decision on.
  await watchScaling(start, parts, observed);
  if (!attach) {
    const deployment = { cluster, system, runId, defect: options.defect, observed, emit, signal };
    await createNamespace(deployment);
    await deploySystem(deployment);
  } else await untilInService({ observed, system, signal });
  await saveManifests(start);
  await openWays(start, parts, observed, workloadPods);
}

/** Times in objects are the API server's: how far they are off the run's own is part of the record. */
async function tellClock(cluster: Cluster, emit: Emit): Promise<void> {
  try {
    const { offsetMs, boundMs } = await cluster.clockOffsetMs();
    const side = offsetMs < 0 ? 'behind' : 'ahead';
    emit({
      kind: 'note',
      text: `the API server's clock is ${Math.round(Math.abs(offsetMs))} ms ${side}, known to ${Math.round(boundMs)} ms`,
    });
  } catch (error) {
    emit({ kind: 'note', text: `the API server's clock could not be read: ${reasonOf(error)}` });
  }
}

/** The watches of the namespace and what listens to them, until `letGo`. */
async function watchEverything(
  { cluster, system, attach, options }: StartOptions,
  parts: Parts,
  workloadPods: () => KubeObject[],
): Promise<Observed> {
  const { emit, nowMs, evidenceDir, redact } = options;
  const { namespace } = system;
  const file = openWatchFile({
    evidenceDir,
    emit,
    nowMs,
    sensitive: [...system.sensitive, ...Object.values(system.storeUrls).flatMap(passwordOf)],
  });
  parts.file = file;
  const container = system.container.name;
  const logs = followPodLogs({ cluster, namespace, container, evidenceDir, emit, nowMs, redact });
  parts.logs = logs;
  const recorder = new PodRecorder({
    emit,
    nowMs,
    deployment: system.workload.name,
    labels: system.labels,
    container,
    service: system.service.name,
    objects: (kind) => parts.observed?.objects(kind) ?? [],
    started: (pod) => logs.started(pod),
  });
  parts.recorder = recorder;
  const leaseIsWorthALine = worthALine(nowMs);
  const observed = await observe({
    cluster,
    kinds: watchedKinds(system, attach),
    signal: options.signal,
    changed(kind, type, object) {
      if (kind.kind !== 'Lease' || leaseIsWorthALine(object)) file.write(type, object);
      recorder.changed(kind, type, object);
      if (kind.kind === 'Pod') parts.reach?.follow(workloadPods());
      if (kind.kind === 'EndpointSlice')
        for (const store of Object.values(parts.stores ?? {})) store.follow();
    },
    gap: (kind, fromMs, toMs, why) => recorder.gap(kind, fromMs, toMs, why),
    unwatched: (kind, why) => recorder.unwatched(kind, why),
  });
  parts.observed = observed;
  recorder.live();
  return observed;
}

function watchedKinds({ namespace, objects }: ClusterSystem, attach: boolean): WatchedKind[] {
  const kind = (apiVersion: string, name: string, optional = false) => ({
    apiVersion,
    kind: name,
    namespace,
    optional,
  });
  const made = (name: string) => objects.some((object) => object.kind === name);
  return [
    kind('v1', 'Pod'),
    kind('discovery.k8s.io/v1', 'EndpointSlice'),
    kind('apps/v1', 'Deployment'),
    kind('apps/v1', 'ReplicaSet'),
    ...['StatefulSet', 'DaemonSet'].filter(made).map((name) => kind('apps/v1', name)),
    ...(attach ? [] : [kind('v1', 'ServiceAccount')]),
    kind('v1', 'Event', true),
    kind('autoscaling/v2', 'HorizontalPodAutoscaler', true),
    kind('policy/v1', 'PodDisruptionBudget', true),
    { apiVersion: 'v1', kind: 'Node', optional: true },
    ...(made('HorizontalPodAutoscaler') ? [CONTROLLER_LEASE] : []),
  ];
}

/** With an HPA: its controller's parameters, once. And the pods' metrics, until `letGo`. */
async function watchScaling(
  { cluster, system, controller, options }: StartOptions,
  parts: Parts,
  observed: Observed,
): Promise<void> {
  const { emit, nowMs } = options;
  const { namespace, objects } = system;
  const scaler = objects.find(({ kind }) => kind === 'HorizontalPodAutoscaler');
  if (scaler !== undefined || observed.objects('HorizontalPodAutoscaler').length > 0)
    emit({ kind: 'hpa.controller', ...(await readController(cluster, controller)) });
  const { file } = parts;
  if (file !== undefined && (await servesPodMetrics(cluster)))
    parts.endMetrics = pollPodMetrics({ cluster, namespace, emit, nowMs, file });
  else {
    const blind = scaler === undefined ? '' : `, so ${scaler.title} has nothing to decide by`;
    emit({
      kind: 'note',
      text: `the cluster does not serve metrics.k8s.io${blind}: install metrics-server to have CPU and memory of the pods on record`,
    });
  }
}

/** kube-proxy on a busy node was seen to need 2 s. */
const SERVICE_WITHIN_MS = 20_000;

/** Where load, looks at single pods and the read-back go. */
async function openWays(
  { cluster, system, dial, options, loadUrl, inside }: StartOptions,
  parts: Parts,
  observed: Observed,
  workloadPods: () => KubeObject[],
): Promise<void> {
  const { emit, nowMs, signal } = options;
  const { namespace, containerPort } = system;
  parts.reach = await openPodReach(
    { cluster, namespace, containerPort, dial, emit, nowMs, signal },
    workloadPods(),
  );
  await parts.reach.opened();
  const service = await cluster.get({
    apiVersion: 'v1',
    kind: 'Service',
    namespace,
    name: system.service.name,
  });
  if (service === null)
    throw new CannotRun(`Service ${system.service.name} is gone from namespace ${namespace}`);
  const nodes = observed.objects('Node');
  const { port } = system.service;
  const patienceMs = parts.reach.way === 'direct' ? SERVICE_WITHIN_MS : 0;
  parts.loadUrl = inside
    ? insideUrl(loadUrl, service, port)
    : await chooseLoadUrl({ given: loadUrl, service, port, nodes, dial, patienceMs });
  const slices = () => observed.objects('EndpointSlice');
  const stores: Record<string, StoreReach> = {};
  parts.stores = stores;
  for (const [variable, url] of Object.entries(system.storeUrls))
    stores[variable] = await reachStore({ cluster, namespace, url, slices, dial, emit });
}

/** What the API made of the manifests, defaults included: bounds are computed from what is in force. */
async function saveManifests({ cluster, system, attach, options }: StartOptions): Promise<void> {
  const live: ManifestObject[] = [];
  for (const manifest of system.objects) {
    const { apiVersion, kind, metadata } = toKubeObject(manifest);
    const { name, namespace } = metadata;
    try {
      const ref = { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
      const object = await cluster.get(ref);
      if (object === null) continue;
      const { managedFields: _, ...meta } = { managedFields: undefined, ...object.metadata };
      live.push(toManifest({ ...object, metadata: meta }, manifest.node.file, manifest.node.line));
    } catch (error) {
      // Attached, most of them need not be readable.
      if (!(error instanceof ApiError && error.status === 403)) throw error;
    }
  }
  const sensitive = [...system.sensitive, ...Object.values(system.storeUrls).flatMap(passwordOf)];
  const text = manifestsAsPlayed(live, sensitive, { foreign: attach });
  writeFileSync(path.join(options.evidenceDir, 'manifests.yaml'), text);
  options.emit({
    kind: 'evidence',
    id: 'manifests',
    file: 'evidence/manifests.yaml',
    what: 'the manifests as the API server gives them back, without what Secrets hold',
  });
}

/** Ends everything that listens; what a part cannot end must not keep the others. */
async function letGo(parts: Parts): Promise<void> {
  parts.endMetrics?.();
  parts.observed?.stop();
  const stores = Object.values(parts.stores ?? {});
  await Promise.allSettled([
    parts.logs?.stop(),
    parts.reach?.close(),
    ...stores.map((store) => store.close()),
  ]);
  parts.file?.close();
}
