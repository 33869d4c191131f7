/** `evidence/watch.jsonl`: every change of a cluster's objects as the API told it, one JSON line each, in the order in which it came. */
import { z } from 'zod';

export const WATCH_FILE = 'evidence/watch.jsonl';

/** The gap of the history that says from when on the file was too long to go on. */
export const WATCH_LOG_GAP = 'watch.jsonl';

/**
 * The gap of the history in which objects of this kind were not seen. Checks take every gap whose name has the word "pods" for a time in which
 * pods were not watched; Events tell why a pod was killed.
 */
export function gapName(kind: string): string {
  if (kind === 'Event') return 'pods (Events watch)';
  if (kind === 'PodMetrics') return kind;
  return kind === 'Pod' ? 'pods watch' : `${kind} watch`;
}

export const WatchLine = z.object({
  /** On the run's clock: when it was received. */
  atMs: z.number(),
  /** POLLED: an answer to a question that was asked again and again, since there is no watch for it (PodMetrics). */
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'POLLED']),
  kind: z.string(),
  name: z.string(),
  /** As the API has it. Secrets are without their data, `env` without its values, and of `managedFields` there is only who owns `spec.replicas`. */
  object: z.record(z.string(), z.unknown()),
});
export type WatchLine = z.infer<typeof WatchLine>;

/** A line of the file, or why it is none. */
export function parseWatchLine(text: string): WatchLine | string {
  try {
    const parsed = WatchLine.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    return issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'unknown';
  } catch {
    return 'not JSON';
  }
}
