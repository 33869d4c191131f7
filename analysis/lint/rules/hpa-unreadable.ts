import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'An HPA that cannot be read';
export const severity = 'error';

/** Upstream: validation of autoscaling/v2. */
export function find({ unread }: ManifestSet): Finding[] {
  return unread.map(({ manifest, why }) =>
    finding(
      manifest,
      ['spec'],
      `It cannot be read as an autoscaling/v2 HorizontalPodAutoscaler (${why}), so the API server refuses it, and no other rule has judged it.`,
      'Correct the field; kubectl apply --dry-run=server names it too.',
    ),
  );
}
