/**
 * A change to an object that was there before the run: marked with the run's id, so that whoever takes it back, now or from a cold start,
 * changes nothing that somebody else has changed since.
 */
import { z } from 'zod';
import { CannotRun } from '../../platform.ts';
import { ApiError } from '../cluster.ts';
import type { Cluster, Deployed, KubeObject, ObjectRef } from '../cluster.ts';
import { CHANGED_BY } from '../labels.ts';

/** A node's status changes while it is marked now and then; more often than this in a row is no accident. */
const TRIES = 5;

const Cordoned = z.object({ spec: z.object({ unschedulable: z.literal(true) }) });

export interface Change {
  /** In words, for the journal: `node-b: uncordon`. */
  what: string;
  ref: ObjectRef;
  /** Merge patch that is applied together with the mark; absent where only `deed` can do it. */
  forth?: Record<string, unknown>;
  /** Merge patch that takes it back; the mark is taken off with it. */
  back: Record<string, unknown>;
}

/**
 * Journals, then marks, then calls `deed`. The result takes the change back; idempotent. Throws CannotRun when somebody else has changed
 * the object already, since taking it back would undo theirs, and ApiError.
 */
export async function changeMarked(
  deployed: Deployed,
  { what, ref, forth, back }: Change,
  deed?: () => Promise<unknown>,
): Promise<() => Promise<void>> {
  const { cluster, runId, undo } = deployed;
  const mark = { metadata: { annotations: { [CHANGED_BY]: null } } };
  let now = await readFree(cluster, runId, ref);
  const id = undo.intent({
    kind: 'restore',
    what,
    ...(cluster.kubeconfig !== undefined && { kubeconfig: cluster.kubeconfig }),
    context: cluster.context,
    server: cluster.server,
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
  // A request without an answer may still take effect when nothing of it shows yet: then the end of the run looks again.
  const takeBackLate = async () => {
    if ((await restore(cluster, runId, ref, back)) === 'restored') undo.done(id);
  };
  try {
    for (let tries = 1; ; tries++) {
      const { resourceVersion } = now.metadata;
      try {
        await cluster.patch(ref, {
          ...forth,
          metadata: {
            ...(resourceVersion !== undefined && { resourceVersion }),
            annotations: { [CHANGED_BY]: runId },
          },
        });
        break;
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 409) || tries === TRIES) throw error;
        now = await readFree(cluster, runId, ref);
      }
    }
    await deed?.();
  } catch (error) {
    // What may have happened is taken back at once; if even that fails, the journal keeps it for `proofload heal`.
    const isAnswered = !(error instanceof ApiError) || (error.status >= 400 && error.status < 500);
    await (isAnswered ? takeBack() : takeBackLate()).catch(() => undefined);
    throw error;
  }
  return takeBack;
}

/** The object, when nobody else has changed it for a while. Throws CannotRun. */
async function readFree(cluster: Cluster, runId: string, ref: ObjectRef): Promise<KubeObject> {
  const object = await cluster.get(ref);
  const title = `${ref.kind} ${ref.name}`;
  if (object === null) throw new CannotRun(`${title} is gone, so it cannot be changed; run it again`);
  const by = object.metadata.annotations?.[CHANGED_BY];
  if (by !== undefined && by !== runId)
    throw new CannotRun(
      `${title} is changed by run ${by} (annotation ${CHANGED_BY}); wait for its end, or take it back with proofload heal`,
    );
  if (ref.kind === 'Node' && Cordoned.safeParse(object).success)
    throw new CannotRun(
      `${title} is cordoned already, and uncordoning it afterwards would undo what somebody else did; uncordon it, or leave the fault out`,
    );
  return object;
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
