/** What budgets and rolling updates keep, by their amounts in the manifests. */
import { resolveAmount, rollingBounds } from '../amount.ts';
import type { ManifestSet } from './set.ts';
import type { Workload } from './workloads.ts';

/** Pods that a budget wants healthy of so many: both of its amounts round up (pkg/controller/disruption). Null: it says nothing. */
export function desiredHealthy(
  { minAvailable, maxUnavailable }: ManifestSet['budgets'][number]['spec'],
  replicas: number,
): number | null {
  if (minAvailable !== undefined) return resolveAmount(minAvailable, replicas, 'up');
  const unavailable = maxUnavailable === undefined ? null : resolveAmount(maxUnavailable, replicas, 'up');
  return unavailable === null ? null : Math.max(0, replicas - unavailable);
}

/** Replicas that a rolling update keeps available; none with Recreate. Null: an amount cannot be read. */
export function availableInRollout({ controller: { strategy } }: Workload, replicas: number): number | null {
  if (strategy.type === 'Recreate') return 0;
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy.rollingUpdate;
  const bounds = rollingBounds({ maxSurge, maxUnavailable }, replicas);
  return bounds && Math.max(0, replicas - bounds.maxUnavailable);
}
