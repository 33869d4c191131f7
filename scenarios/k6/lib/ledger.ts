/**
 * How one write is judged and how its ledger line reads. The line formats are those of record/ledger.ts, said again here because this
 * code runs inside k6 and may import nothing else of the project; a test holds the two together. Pure.
 */

/** A acknowledged, F certainly without effect, U unknown: it may have happened. */
export type Outcome = 'A' | 'F' | 'U';

/** The schedule's start: the moment, milliseconds since the Unix epoch, that every `due` counts from. */
export function anchorLine(wallMs: number): string {
  return `# anchor ${wallMs}`;
}

/** One write. `due`, `lat` and `lag` in milliseconds; `status`, `code` of the last attempt. */
export function writeLine(
  outcome: Outcome,
  vu: number,
  n: number,
  dueMs: number,
  latMs: number,
  lagMs: number,
  status: number,
  code: number,
  attempts: number,
): string {
  const head = `${outcome} ${vu}:${n} ${dueMs} ${latMs} ${lagMs}`;
  return outcome === 'A' && attempts === 1 ? head : `${head} ${status} ${code} ${attempts}`;
}

/** One attempt that ended without an answer that the contract names. `atMs` since the anchor; `connection` r reused, n new, - none. */
export function attemptLine(
  vu: number,
  n: number,
  atMs: number,
  latMs: number,
  status: number,
  code: number,
  connection: 'r' | 'n' | '-',
  pod: string | undefined,
): string {
  return `T ${vu}:${n} ${atMs} ${latMs} ${status} ${code} ${connection} ${podName(pod)}`;
}

/** What an `X-Served-By` may say: a pod's name. Anything else would break the line, and names nobody. */
const POD = /^[a-z0-9](?:[a-z0-9.-]{0,126}[a-z0-9])?$/;

function podName(pod: string | undefined): string {
  return pod !== undefined && POD.test(pod) ? pod : '-';
}

/** Answers by which the contract refuses a whole write. A 5xx is no refusal: it may come after the deed. */
const REFUSED = new Set([400, 401, 413, 429]);

/** Whether the contract says what this answer means. Status 0 is no answer. */
export function isContractAnswer(status: number): boolean {
  return status === 200 || status === 207 || REFUSED.has(status);
}

/**
 * One attempt. `status` is 0 when no whole answer was read, then `code` is k6's error code; `tookAll` says whether a 200 claims every
 * point. A 207, or a 200 that claims fewer, has taken some points: neither acknowledged nor without effect.
 */
export function attemptOutcome(status: number, code: number, tookAll: boolean): Outcome {
  if (status === 200) return tookAll ? 'A' : 'U';
  if (status === 0) return neverSent(code) ? 'F' : 'U';
  return REFUSED.has(status) ? 'F' : 'U';
}

/** Acknowledged if any attempt was; without effect only if none had any. */
export function writeOutcome(soFar: Outcome, attempt: Outcome): Outcome {
  if (soFar === 'A' || attempt === 'A') return 'A';
  return soFar === 'F' && attempt === 'F' ? 'F' : 'U';
}

/**
 * k6's error codes of requests that never left: a bad URL, no address, blocked, not connected, a certificate not trusted
 * (grafana/k6, lib/netext/httpext/error_codes.go at v2.2.0). 1301 is left out: a broken TLS record can come after the request.
 */
function neverSent(code: number): boolean {
  return (
    code === 1020 ||
    (code >= 1100 && code <= 1111) ||
    (code >= 1210 && code <= 1213) ||
    code === 1310 ||
    code === 1311
  );
}
