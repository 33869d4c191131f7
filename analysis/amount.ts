/**
 * A number, or a share of the replicas, and what a rolling update makes of two of them. Upstream: GetScaledValueFromIntOrPercent in
 * apimachinery/pkg/util/intstr, ResolveFenceposts in pkg/controller/deployment/util.
 */

/** Null: neither a whole number nor a percentage. */
export function resolveAmount(amount: string, replicas: number, round: 'up' | 'down'): number | null {
  if (/^\d{1,9}$/.test(amount)) return Number(amount);
  const [, percent] = /^(\d{1,9})%$/.exec(amount) ?? [];
  if (percent === undefined) return null;
  const share = (Number(percent) * replicas) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}

interface RollingBounds {
  maxSurge: number;
  maxUnavailable: number;
}

/** In pods: maxSurge rounds up, maxUnavailable down, and both 0 counts as 1 unavailable. Null: one of them is no amount. */
export function rollingBounds(
  { maxSurge, maxUnavailable }: { maxSurge: string; maxUnavailable: string },
  replicas: number,
): RollingBounds | null {
  const surge = resolveAmount(maxSurge, replicas, 'up');
  const unavailable = resolveAmount(maxUnavailable, replicas, 'down');
  if (surge === null || unavailable === null) return null;
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}
