/** Metrics per second by tenant, as a token bucket that holds two seconds' worth (the guide's burst of twice the rate). */

const BURST_S = 2;
/** Tenants come from signed tokens, so there are few; past this many all start anew. */
const MAX_TENANTS = 10_000;

export class TenantLimit {
  readonly #perS: number;
  readonly #tenants = new Map<string, { left: number; atMs: number }>();

  /** 0 = no limit. */
  constructor(perS: number) {
    this.#perS = perS;
  }

  /** Takes the metrics from the tenant's bucket if they are in it. */
  admits(tenant: string, metrics: number, nowMs: number): boolean {
    if (this.#perS === 0) return true;
    const full = this.#perS * BURST_S;
    const known = this.#tenants.get(tenant) ?? { left: full, atMs: nowMs };
    const left = Math.min(full, known.left + ((nowMs - known.atMs) / 1_000) * this.#perS);
    const admitted = metrics <= left;
    if (this.#tenants.size >= MAX_TENANTS) this.#tenants.clear();
    this.#tenants.set(tenant, { left: admitted ? left - metrics : left, atMs: nowMs });
    return admitted;
  }
}
