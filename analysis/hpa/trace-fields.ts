/** Fields that objects of every kind have, as the trace of an HPA needs them. */
import { z } from 'zod';

/** Of a server's time, on the run's clock, ms; null where there is none. */
export type Clock = (text: string | null | undefined) => number | null;

const Revision = z.object({ metadata: z.object({ resourceVersion: z.string().nullish() }) });

/** Revisions of one cluster grow with every write; they are compared, nothing more. */
export function revisionOf(object: unknown): number | null {
  const text = Revision.safeParse(object).data?.metadata.resourceVersion ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Of the status of any object. */
export const Conditions = z
  .array(
    z.object({
      type: z.string(),
      status: z.string(),
      reason: z.string().nullish(),
      message: z.string().nullish(),
      lastTransitionTime: z.string().nullish(),
    }),
  )
  .nullish();
