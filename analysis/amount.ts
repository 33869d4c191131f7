/** A number, or a share of the replicas. Upstream: GetScaledValueFromIntOrPercent in apimachinery/pkg/util/intstr. */

/** Null: neither a whole number nor a percentage. */
export function resolveAmount(amount: string, replicas: number, round: 'up' | 'down'): number | null {
  if (/^\d{1,9}$/.test(amount)) return Number(amount);
  const [, percent] = /^(\d{1,9})%$/.exec(amount) ?? [];
  if (percent === undefined) return null;
  const share = (Number(percent) * replicas) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}
