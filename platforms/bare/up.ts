/**
 * Brings a real Kubernetes of two nodes up on this machine: builds what is missing, then starts everything in network namespaces that no
 * cable leaves. In order: namespaces, certificates, etcd and containerd at once; API server; the rest; add-ons; and then it waits until
 * every part has answered. docs/bare-cluster.md tells what runs and why it is safe.
 */
import { mkdirSync } from 'node:fs';
import { UsageError } from '../../record/model.ts';
import { reasonOf } from '../../record/reason.ts';
import { CannotRun } from '../platform.ts';
import { chaosMeshObjects, metricsServerObjects, storageClass } from './addons.ts';
import { chaosController, chaosDaemon, prepareChaosTools } from './chaos-mesh.ts';
import { startComponent } from './component-processes.ts';
import {
  apiserver,
  containerd,
  controllerManager,
  etcd,
  kubelet,
  linkPrograms,
  metricsServer,
  type Pace,
  prometheus,
  proxy,
  scheduler,
} from './components.ts';
import { removeBare } from './down.ts';
import { startForwarder } from './forwarder.ts';
import {
  type HostFacts,
  lacksInWords,
  makeMountPoints,
  probeHost,
  readSysctls,
  writeSysctls,
} from './host.ts';
import { importImages } from './images.ts';
import { CONTEXT, KUBECONFIG, LOGS, NODE_A, NODES, type NodePlace, VOLUMES } from './layout.ts';
import { locked } from './lock.ts';
import { connectNodes, makeCgroups, startHolder } from './node.ts';
import { makeCertificates } from './pki.ts';
import { type BuildOptions, buildPrograms, kubernetesVersion, type Programs } from './programs.ts';
import { answers, kubectl, until } from './readiness.ts';
import { type Component, isAlive, type Proc, readState, type State, writeState } from './state.ts';

export interface UpOptions extends BuildOptions {
  /** Archives of images (docker-archive) that both nodes get; asked for when this machine has been found fit. */
  images: (programs: Programs) => Promise<readonly string[]>;
  pace: Pace;
}

export interface Up {
  kubeconfig: string;
  context: string;
  /** Kubernetes, e.g. `v1.35.8`. */
  version: string;
  /** What this machine's kernel cannot do, one line each. */
  lacks: string[];
  /** From the first namespace to the last add-on's answer, milliseconds, builds left out; 0 = it ran already. */
  tookMs: number;
}

/**
 * Throws UsageError when this machine cannot carry it, and CannotRun, with everything taken down again, when a part does not come up. A
 * cluster that runs already is left as it is, and gets the images; UsageError when another pace is asked for than it has.
 */
export async function upBare(options: UpOptions): Promise<Up> {
  const facts = await probeHost();
  const up = { kubeconfig: KUBECONFIG, context: CONTEXT, lacks: lacksInWords(facts) };
  // Minutes, the first time; from here on one hand at a time.
  const programs = await buildPrograms(options);
  const images = await options.images(programs);
  return locked(async () => {
    const running = runs();
    if (running === null) return { ...up, ...(await bringUp(facts, programs, images, options)) };
    checkPace(running, programs, options.pace);
    options.onProgress('the bare cluster is up already');
    await importImages(running, images);
    return { ...up, version: running.kubernetes, tookMs: 0 };
  });
}

async function bringUp(
  facts: HostFacts,
  programs: Programs,
  images: readonly string[],
  options: UpOptions,
): Promise<{ version: string; tookMs: number }> {
  await removeBare();
  const startedMs = performance.now();
  const step = (what: string) =>
    options.onProgress(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s: ${what}`);
  const state = newState(facts);
  try {
    await startCluster(state, programs, { images, signal: options.signal, pace: options.pace }, step);
  } catch (error) {
    await removeBare();
    throw new CannotRun(`the bare cluster did not come up: ${reasonOf(error)}`);
  }
  return { version: state.kubernetes, tookMs: performance.now() - startedMs };
}

function runs(): State | null {
  try {
    const state = readState();
    const alive = Object.values(state?.holders ?? {}).every(({ holder }) => holder && isAlive(holder));
    return state?.ready && alive ? state : null;
  } catch {
    // Unreadable: it is taken down by name.
    return null;
  }
}

function checkPace({ components }: State, programs: Programs, pace: Pace): void {
  if (Object.keys(pace).length === 0) return;
  const asked = {
    'kube-controller-manager': controllerManager(pace),
    'metrics-server': metricsServer(programs, pace),
  };
  for (const [name, { argv }] of Object.entries(asked)) {
    const [, ...has] = components[name]?.argv ?? [];
    const [other] = argv.slice(1).filter((flag) => !has.includes(flag));
    if (other !== undefined || has.length !== argv.length - 1)
      throw new UsageError(
        `the bare cluster is up, and its ${name} was not started ${other === undefined ? 'this way' : `with ${other}`}; take it down first: proofload down --on bare`,
      );
  }
}

function newState(facts: HostFacts): State {
  mkdirSync(LOGS, { recursive: true, mode: 0o700 });
  mkdirSync(VOLUMES, { mode: 0o755 });
  const state: State = {
    kubernetes: kubernetesVersion(),
    sysctls: readSysctls(),
    hierarchies: facts.hierarchies,
    lacks: facts.lacks,
    holders: {},
    components: {},
    helpers: [],
    made: makeMountPoints(),
    ready: false,
  };
  writeState(state);
  return state;
}

async function startCluster(
  state: State,
  programs: Programs,
  { images, signal, pace }: { images: readonly string[]; signal: AbortSignal; pace: Pace },
  step: (what: string) => void,
): Promise<void> {
  writeSysctls({ 'fs/inotify/max_user_instances': '1024' });
  makeCgroups(state.hierarchies);
  linkPrograms(programs);
  const certificates = handled(makeCertificates());
  await startNodes(state);
  step('namespaces');
  await start(state, { etcd: etcd(), ...onEach('containerd', containerd) });
  await certificates;
  await start(state, { 'kube-apiserver': apiserver() });
  startForwarder(state);
  const imported = handled(importImages(state, images));
  await until(
    state,
    signal,
    'the API server',
    async () => (await kubectl(state, ['get', '--raw', '/readyz'])) === 'ok',
  );
  step('API server');
  await imported;
  step(`${images.length} images`);
  await start(state, {
    'kube-controller-manager': controllerManager(pace),
    'kube-scheduler': scheduler(),
    ...onEach('kubelet', kubelet),
    ...onEach('kube-proxy', proxy),
    prometheus: prometheus(programs),
  });
  await kubectl(
    state,
    ['apply', '--server-side', '-f', '-'],
    [...metricsServerObjects(), ...chaosMeshObjects(), storageClass()],
  );
  // Only now: it ends at once when it may not read what these objects allow it to.
  await start(state, { 'metrics-server': metricsServer(programs, pace) });
  const definitions = handled(kubectl(state, ['apply', '--server-side', '-f', programs.paths['crds'] ?? '']));
  await until(state, signal, 'the nodes', async () => {
    const ready = await kubectl(state, [
      'get',
      'nodes',
      '-o',
      `jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}`,
    ]);
    return NODES.every(({ name }) => ready.includes(`${name}=True`));
  });
  step('nodes are Ready');
  await definitions;
  prepareChaosTools();
  await start(state, {
    ...onEach('chaos-daemon', (node) => chaosDaemon(node, programs)),
    'chaos-controller-manager': chaosController(programs),
  });
  await until(state, signal, 'the default service account', async () => {
    const account = await kubectl(state, [
      'get',
      'serviceaccount',
      'default',
      '--ignore-not-found',
      '-o',
      'name',
    ]);
    return account !== '';
  });
  step('pods can be created');
  await until(state, signal, 'Chaos Mesh', () => answers(state, 'http://127.0.0.1:10082/metrics'));
  step('Chaos Mesh answers');
  await until(state, signal, 'Prometheus', () => answers(state, `http://${NODE_A.address}:9090/-/ready`));
  await until(state, signal, 'metrics-server', async () => {
    const metrics = await kubectl(state, ['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes']);
    return NODES.every(({ name }) => metrics.includes(`"${name}"`));
  });
  step('metrics-server and Prometheus answer');
  state.ready = true;
  writeState(state);
}

/** Work that goes on beside other work and is awaited later: its failure is thrown there, and not before. */
function handled<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}

async function startNodes(state: State): Promise<void> {
  const holders: Record<string, Proc> = {};
  for (const node of NODES) {
    const entry: State['holders'][string] = {};
    state.holders[node.name] = entry;
    entry.holder = holders[node.name] = await startHolder(node, state.hierarchies, (parent) => {
      entry.parent = parent;
      writeState(state);
    });
    writeState(state);
  }
  await connectNodes(holders);
}

function onEach(name: string, make: (node: NodePlace) => Component): Record<string, Component> {
  return Object.fromEntries(NODES.map((node) => [`${name}@${node.name}`, make(node)]));
}

async function start(state: State, components: Record<string, Component>): Promise<void> {
  Object.assign(state.components, components);
  await Promise.all(Object.keys(components).map((name) => startComponent(state, name)));
}
