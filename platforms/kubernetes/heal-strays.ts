/** A sweep of a cluster for what runs have left there whose journals are elsewhere: which runs, and what of theirs can be taken back. */
import { ApiError } from './cluster.ts';
import type { Cluster, KindRef, KubeObject, Selection } from './cluster.ts';
import { refOf, typed } from './faults/chaos.ts';
import { restore } from './faults/restore.ts';
import { reason } from './faults/wait.ts';
import { add, removeRun, unanswered } from './heal.ts';
import type { HealedCluster } from './heal.ts';
import { CHANGED_BY, RUN_LABEL } from './labels.ts';

const NODE = { apiVersion: 'v1', kind: 'Node' };
const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment' };

/**
 * Runs that have left something in a cluster, whoever started them and wherever: those of a run label, and of the mark on a node or a
 * Deployment. For a sweep that is asked for by name; a run that still goes on somewhere else is in the list, too. `unseen`: one line for
 * what could not be looked at, so that an empty list is not taken for a clean cluster. Throws ApiError when the API does not answer.
 */
export async function runsIn(cluster: Cluster): Promise<{ runs: string[]; unseen: string[] }> {
  const { kinds, unknown } = await cluster.deletableKinds();
  const found = new Set<string>();
  const refused: string[] = [];
  const unseen: string[] = unknown.length === 0 ? [] : [unanswered(unknown)];
  const look = async (
    kind: KindRef,
    selection: Selection,
    runOf: (object: KubeObject) => string | undefined,
  ) => {
    try {
      for (const object of await cluster.list(kind, selection)) found.add(runOf(object) ?? '');
    } catch (error) {
      // 404: not served any more, so there is nothing of it.
      if (!(error instanceof ApiError) || error.status === 0) throw error;
      if (error.status === 403) refused.push(kind.kind);
      else if (error.status !== 404)
        unseen.push(`${kind.kind} objects could not be looked for: ${error.message}`);
    }
  };
  for (const { apiVersion, kind } of kinds)
    await look(
      { apiVersion, kind },
      { labelSelector: RUN_LABEL },
      ({ metadata }) => metadata.labels?.[RUN_LABEL],
    );
  for (const kind of [NODE, DEPLOYMENT])
    await look(kind, {}, ({ metadata }) => metadata.annotations?.[CHANGED_BY]);
  if (refused.length > 0) {
    const names = [...new Set(refused)];
    unseen.push(
      `these credentials may not list ${names.join(', ')}; if runs made any: kubectl get ${names.join(',').toLowerCase()} -A -l ${RUN_LABEL}`,
    );
  }
  found.delete('');
  return { runs: [...found].sort(), unseen };
}

/**
 * Takes back what a run left whose journal is not here: nodes it had cordoned, then every object with its label. A Deployment that was
 * there before and that it scaled is named only: how many replicas it had is in the journal. Never throws.
 */
export async function healWithoutJournal(cluster: Cluster, runId: string): Promise<HealedCluster> {
  const healed: HealedCluster = { undone: [], left: [] };
  try {
    for (const node of await cluster.list(NODE)) {
      if (node.metadata.annotations?.[CHANGED_BY] !== runId) continue;
      if ((await restore(cluster, runId, refOf(node), { spec: { unschedulable: null } })) === 'restored')
        healed.undone.push(`${node.metadata.name}: uncordon`);
    }
  } catch (error) {
    healed.left.push(
      `nodes: ${reason(error)}; kubectl uncordon those with annotation ${CHANGED_BY}=${runId}`,
    );
  }
  try {
    for (const deployment of await cluster.list(DEPLOYMENT)) {
      const { annotations, labels } = deployment.metadata;
      // The run's own are removed below.
      if (annotations?.[CHANGED_BY] !== runId || labels?.[RUN_LABEL] === runId) continue;
      const name = typed(refOf(deployment));
      healed.left.push(
        `${name} was scaled, and its old number of replicas is in the run's journal only: run proofload heal where the run was started, or kubectl scale ${name} --replicas=<number> and kubectl annotate ${name} ${CHANGED_BY}-`,
      );
    }
  } catch (error) {
    healed.left.push(
      `Deployments: ${reason(error)}; scale those with annotation ${CHANGED_BY}=${runId} back by hand`,
    );
  }
  add(healed, await removeRun(cluster, runId));
  return healed;
}
