/** What a part of a run made in the cluster, to be removed once, the last first; never what somebody else has made under that name. */
import { reasonOf } from '../../record/reason.ts';
import type { Emit } from '../platform.ts';
import type { Cluster, KubeObject, ObjectRef } from './cluster.ts';

export interface CreatedObjects {
  /** Throws ApiError. */
  create(object: KubeObject): Promise<void>;
  /** Whether so many were made. */
  isWhole(count: number): boolean;
  /** Idempotent, never rejects: what stays is told, and carries the run's label. */
  remove(): Promise<void>;
}

export function createdObjects(cluster: Cluster, emit: Emit): CreatedObjects {
  const made: { ref: ObjectRef; uid: string | undefined }[] = [];
  let removal: Promise<void> | null = null;
  const removeEach = async () => {
    for (const { ref, uid } of made.toReversed()) {
      try {
        await cluster.remove(ref, uid === undefined ? {} : { uid });
      } catch (error) {
        const why = reasonOf(error);
        emit({
          kind: 'note',
          text: `${ref.kind} ${ref.name} was not removed: ${why}; run \`proofload heal\``,
        });
      }
    }
  };
  return {
    isWhole: (count) => made.length === count,
    async create(object) {
      const { apiVersion, kind, metadata } = object;
      const { uid } = (await cluster.create(object)).metadata;
      const { name, namespace } = metadata;
      made.push({ ref: { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) }, uid });
    },
    remove: () => (removal ??= removeEach()),
  };
}
