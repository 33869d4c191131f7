/**
 * A change to an object that was there before the run: marked with the run's id, so that whoever takes it back, now or from a cold start,
 * changes nothing that somebody else has changed since.
 */
import { ApiError } from '../cluster.ts';
import type { Cluster, Deployed, ObjectRef } from '../cluster.ts';
import { CHANGED_BY } from '../labels.ts';

export interface Change {
  /** In words, for the journal: `node-b: uncordon`. */
  what: string;
  ref: ObjectRef;
  /** Merge patch that takes it back; the mark is taken off with it. */
  back: Record<string, unknown>;
}

/** Journals, then marks, then calls `deed`. The result takes the change back; idempotent. Throws ApiError. */
export async function changeMarked(
  deployed: Deployed,
  { what, ref, back }: Change,
  deed: () => Promise<unknown>,
): Promise<() => Promise<void>> {
  const { cluster, runId, undo } = deployed;
  const mark = { metadata: { annotations: { [CHANGED_BY]: null } } };
  const id = undo.intent({
    kind: 'restore',
    what,
    ...(cluster.kubeconfig !== undefined && { kubeconfig: cluster.kubeconfig }),
    context: cluster.context,
    ref,
    patch: { ...back, ...mark },
  });
  let isBack = false;
  const takeBack = async () => {
    if (isBack) return;
    await restore(cluster, runId, ref, back);
    isBack = true;
    undo.done(id);
  };
  try {
    await cluster.patch(ref, { metadata: { annotations: { [CHANGED_BY]: runId } } });
    await deed();
  } catch (error) {
    // What may have happened is taken back at once; if even that fails, the journal keeps it for `proofload heal`.
    await takeBack().catch(() => undefined);
    throw error;
  }
  return takeBack;
}

/** Applies a patch where the object still carries this run's mark, and takes the mark off. `unmarked`: there was nothing to do. */
export async function restore(
  cluster: Cluster,
  runId: string,
  ref: ObjectRef,
  patch: Record<string, unknown>,
): Promise<'restored' | 'unmarked'> {
  const now = await cluster.get(ref);
  if (now?.metadata.annotations?.[CHANGED_BY] !== runId) return 'unmarked';
  try {
    await cluster.patch(ref, { ...patch, metadata: { annotations: { [CHANGED_BY]: null } } });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return 'unmarked';
    throw error;
  }
  return 'restored';
}
