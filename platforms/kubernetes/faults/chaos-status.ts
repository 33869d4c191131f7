/** What a Chaos Mesh object says of itself: bookkeeping for words and for deletion, never a proof. */
import { z } from 'zod';
import type { KubeObject } from '../cluster.ts';

export const CHAOS_API = 'chaos-mesh.org/v1alpha1';

const Record = z.object({
  id: z.string(),
  selectorKey: z.string().default('.'),
  phase: z.string(),
  events: z
    .array(z.object({ type: z.string(), operation: z.string(), message: z.string().default('') }))
    .nullish(),
});
const Status = z.object({
  status: z
    .object({
      experiment: z
        .object({ desiredPhase: z.string().default(''), containerRecords: z.array(Record).nullish() })
        .optional(),
    })
    .optional(),
});

export interface ChaosStatus {
  desiredPhase: string;
  /** `pod` is `namespace/name`; `side` tells the two ends of a NetworkChaos apart. */
  records: { pod: string; side: 'selector' | 'target'; phase: string; failure: string | undefined }[];
}

/** Empty where the object has no status yet. */
export function readStatus(object: KubeObject): ChaosStatus {
  const experiment = Status.safeParse(object).data?.status?.experiment;
  return {
    desiredPhase: experiment?.desiredPhase ?? '',
    records: (experiment?.containerRecords ?? []).map(({ id, selectorKey, phase, events }) => ({
      pod: id.split('/').slice(0, 2).join('/'),
      side: selectorKey === '.Target' ? 'target' : 'selector',
      phase,
      failure: (events ?? []).findLast(({ type }) => type === 'Failed')?.message,
    })),
  };
}
