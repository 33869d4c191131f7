/** Takes the kind cluster down, whole: its nodes, their volumes and its kubeconfig. The cache (kind itself, the chart) stays. */
import { rmSync } from 'node:fs';
import { CannotRun } from '../platform.ts';
import { CLUSTER, kubeconfigFile } from './layout.ts';
import { findPrograms, type KindPrograms, type Progress } from './programs.ts';
import { reasonOf, run } from './run.ts';

const DELETE_LIMIT_MS = 3 * 60_000;

/** Idempotent. Throws UsageError when there is no container runtime or no kind, CannotRun when kind could not remove a node. */
export async function downKind(options: Progress): Promise<void> {
  const programs = await findPrograms(options);
  await deleteCluster(programs).catch((error: unknown) => {
    throw new CannotRun(`the kind cluster could not be taken down: ${reasonOf(error)}`, { cause: error });
  });
  options.onProgress(`nothing of the cluster ${CLUSTER} is left`);
}

/** Goes through to the end, also after an abort: half a cluster is worse than waiting a moment. */
export async function deleteCluster({ kind, env }: KindPrograms): Promise<void> {
  const kubeconfig = kubeconfigFile();
  await run(kind, ['delete', 'cluster', '--name', CLUSTER, '--kubeconfig', kubeconfig], {
    signal: AbortSignal.timeout(DELETE_LIMIT_MS),
    timeoutMs: DELETE_LIMIT_MS,
    env,
  });
  rmSync(kubeconfig, { force: true });
}
