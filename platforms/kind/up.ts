/**
 * Brings a kind cluster up: Kubernetes in containers, two workers, with metrics-server, Prometheus and Chaos Mesh. Once it is up it is a
 * kubeconfig like any other. docs/kind.md tells what it needs and what it leaves behind.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import { applyAddons } from '../addons/apply.ts';
import { connectCluster } from '../kubernetes/client.ts';
import { CannotRun } from '../platform.ts';
import { installChaosMesh } from './chaos-mesh.ts';
import { deleteCluster } from './down.ts';
import { ADDONS, CLUSTER, CONFIG, CONTEXT, kubeconfigFile } from './layout.ts';
import { findPrograms, type KindPrograms, type Progress } from './programs.ts';
import { reasonOf, run } from './run.ts';

/** The node image, half a gigabyte, may have to come first. */
const CREATE_LIMIT_MS = 15 * 60_000;
const CONTROL_PLANE_READY = '5m';
const LOAD_LIMIT_MS = 5 * 60_000;
const TOOL_LIMIT_MS = 60_000;
/** Needed in the middle of the way; asked for before anything is started. */
const TOOLS = ['openssl', 'tar'];

export interface UpOptions extends Progress {
  /** Image archives (`docker save`), loaded into every node. */
  images: readonly string[];
}

export interface Up {
  /** Absolute path of a file that holds this cluster alone. */
  kubeconfig: string;
  context: string;
}

/**
 * Idempotent: a cluster that is there is used, and its add-ons are applied again. Throws UsageError, with nothing started, when this machine has no
 * container runtime, no kind and no way to build it, or an archive is not there; CannotRun when something does not come up. On an abort or a
 * failed creation the nodes that were begun are removed.
 */
export async function upKind(options: UpOptions): Promise<Up> {
  const { signal, onProgress } = options;
  for (const image of options.images) {
    if (statSync(image, { throwIfNoEntry: false })?.isFile() !== true) {
      throw new UsageError(`${image}: no such image archive; build it first`);
    }
  }
  const programs = await findPrograms(options);
  for (const tool of TOOLS) await requireTool(tool, signal);
  const kubeconfig = await startCluster(programs, options);
  const cluster = await connectCluster({ kubeconfig, context: CONTEXT, signal });
  try {
    const files = ['metrics-server', 'prometheus'].map((name) => path.join(ADDONS, `${name}.yaml`));
    await applyAddons(cluster, files, { signal, onProgress });
    await installChaosMesh(cluster, { signal, onProgress });
  } finally {
    cluster.close();
  }
  return { kubeconfig, context: CONTEXT };
}

/** The nodes, with the images in them, but without add-ons. Returns the kubeconfig's path. */
export async function startCluster(programs: KindPrograms, options: UpOptions): Promise<string> {
  const { signal, onProgress, images } = options;
  const kubeconfig = kubeconfigFile();
  mkdirSync(path.dirname(kubeconfig), { recursive: true });
  const kind = (args: string[], timeoutMs: number) =>
    run(programs.kind, args, { signal, timeoutMs, env: programs.env });
  const there = (await kind(['get', 'clusters'], TOOL_LIMIT_MS)).split('\n').includes(CLUSTER);
  if (there) {
    onProgress(`the cluster ${CLUSTER} is there already`);
    await kind(['export', 'kubeconfig', '--name', CLUSTER, '--kubeconfig', kubeconfig], TOOL_LIMIT_MS).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        throw new CannotRun(
          `the cluster ${CLUSTER} is there and cannot be used: ${reasonOf(error)}; make down ON=kind removes it`,
          { cause: error },
        );
      },
    );
  } else {
    onProgress(`creating the cluster ${CLUSTER} (a minute or two; longer when its image has to be fetched)`);
    await create(programs, kind, kubeconfig, signal);
  }
  if (!existsSync(kubeconfig))
    throw new CannotRun(`kind wrote no ${kubeconfig}; make down ON=kind, then start again`);
  for (const image of images) {
    onProgress(`loading ${path.basename(image)} into the nodes`);
    await kind(['load', 'image-archive', image, '--name', CLUSTER], LOAD_LIMIT_MS).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new CannotRun(`${image} could not be loaded into the nodes: ${reasonOf(error)}`, {
        cause: error,
      });
    });
  }
  return kubeconfig;
}

async function create(
  programs: KindPrograms,
  kind: (args: string[], timeoutMs: number) => Promise<string>,
  kubeconfig: string,
  signal: AbortSignal,
): Promise<void> {
  const args = [
    '--name',
    CLUSTER,
    '--config',
    CONFIG,
    '--kubeconfig',
    kubeconfig,
    '--wait',
    CONTROL_PLANE_READY,
  ];
  try {
    await kind(['create', 'cluster', ...args], CREATE_LIMIT_MS);
  } catch (error) {
    // kind takes its nodes down when it fails, not when it is stopped.
    const left = await deleteCluster(programs).then(
      () => '',
      (failed: unknown) => `; what it began could not be removed: ${reasonOf(failed)}`,
    );
    if (left === '') signal.throwIfAborted();
    throw new CannotRun(`the kind cluster did not come up: ${reasonOf(error)}${left}`, { cause: error });
  }
}

async function requireTool(tool: string, signal: AbortSignal): Promise<void> {
  const version = tool === 'openssl' ? 'version' : '--version';
  await run(tool, [version], { signal, timeoutMs: TOOL_LIMIT_MS }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new UsageError(`${tool} is needed to set Chaos Mesh up (${reasonOf(error)}): install ${tool}`);
  });
}
