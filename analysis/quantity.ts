/** Kubernetes quantities: `100m`, `2`, `1.5Gi`, `123456789n`, `1e3`. Upstream: apimachinery/pkg/api/resource/quantity.go. */

/** Powers: of 10 for the decimal suffixes, of 2 for the binary ones. */
const SUFFIXES: Record<string, readonly [2n | 10n, number]> = {
  n: [10n, -9],
  u: [10n, -6],
  m: [10n, -3],
  '': [10n, 0],
  k: [10n, 3],
  M: [10n, 6],
  G: [10n, 9],
  T: [10n, 12],
  P: [10n, 15],
  E: [10n, 18],
  Ki: [2n, 10],
  Mi: [2n, 20],
  Gi: [2n, 30],
  Ti: [2n, 40],
  Pi: [2n, 50],
  Ei: [2n, 60],
};
const QUANTITY = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/;

/**
 * A quantity in thousandths, as Quantity.MilliValue() has it: exact, and rounded up (away from zero) where it has finer parts, which
 * metrics-server's nanocores have. Null: not a quantity.
 */
export function milliOf(quantity: unknown): number | null {
  const parts = partsOf(quantity);
  if (!parts) return null;
  const decimal = parts.decimal + 3;
  let value = parts.value;
  if (decimal >= 0) value *= 10n ** BigInt(decimal);
  else {
    const divisor = 10n ** BigInt(-decimal);
    value = (value + divisor - 1n) / divisor;
  }
  return parts.sign * Number(value);
}

/** Each that is a quantity, in thousandths, by its name: `requests`, `limits`, `usage`. */
export function milliByName(quantities: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(quantities).flatMap(([name, quantity]) => {
      const milli = milliOf(quantity);
      return milli === null ? [] : [[name, milli]];
    }),
  );
}

/** A quantity as the double nearest to it, as Quantity.AsApproximateFloat64() has it. Null: not a quantity. */
export function numberOf(quantity: unknown): number | null {
  const parts = partsOf(quantity);
  return parts && parts.sign * Number(`${parts.value}e${parts.decimal}`);
}

/** value x 10^decimal, with its sign. */
function partsOf(quantity: unknown): { sign: 1 | -1; value: bigint; decimal: number } | null {
  if (typeof quantity !== 'string' && typeof quantity !== 'number') return null;
  const match = QUANTITY.exec(String(quantity).trim());
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = match ?? [];
  if (!match || whole + fraction === '') return null;
  const [base, power] = exponent === undefined ? (SUFFIXES[suffix] ?? [10n, 0]) : [10n, Number(exponent)];
  return {
    sign: sign === '-' ? -1 : 1,
    value: BigInt(whole + fraction) * (base === 2n ? 2n ** BigInt(power) : 1n),
    decimal: (base === 10n ? power : 0) - fraction.length,
  };
}
