/**
 * The ledger's line formats. One file per runner: `ledger/<runner>.log` is written by the load generator, one raw line per
 * write after its last attempt, and one for each attempt that failed; `ledger/<runner>.stored` and `.states` are what the system gave back afterwards.
 *
 * `.log`:    `<outcome> <vu>:<n> <due> <lat> <lag>[ <status> <code> <attempts>]`
 *   outcome  A acknowledged: the contract says all of it was taken
 *            F failed: certainly had no effect
 *            U unknown: may have happened
 *   vu:n     identity within the runner; n counts 1, 2, 3, ... per virtual user, incremented before the send, one write in flight per vu
 *   due      by the schedule alone: iteration number x period, milliseconds since the runner's anchor
 *   lat      from `due` to the end of the last attempt, milliseconds
 *   lag      from `due` to the start of the first attempt, milliseconds. A dropped iteration takes no number, so after drops every later
 *            `due` is too early by the same amount, and `lag` shows it: the analysis moves `due` by the smallest lag seen from then on.
 *   status   HTTP status of the last attempt (0 = none), k6's error code, attempts made; absent on an `A` at the first attempt
 *
 *   `# anchor <wallMs>`: one line among the others (the first, but for a race of the first writes): the wall clock at the start of the
 *   schedule, which every `due` counts from. It stands in the ledger because only there it survives a kill of k6 in its first second.
 *
 *   A number that has no line (of 1..last+1 per vu) is unknown: k6 was interrupted between send and line.
 *
 *   `T <vu>:<n> <at> <lat> <status> <code> <connection> <pod>`: one attempt that ended without an answer that the contract names: no
 *   answer, a 5xx, any status the contract does not know. Before the line of its write, whatever that says. It is no write: nothing counts it.
 *   at, lat     when it began, milliseconds since the anchor, and how long it took
 *   connection  r reused: an answer came over it before; n new; - none was made, or it was reset before it could be used
 *   pod         who answered it, or, where nobody did, who had answered last over the reused connection: the value of `X-Served-By`;
 *               - where that is not known
 *
 * `.stored`: `<vu>:<from>-<to>[ x<copies>][ part| dead]`, and `end` as its last line; without `end` it is incomplete.
 *   part  only some of each is there: no acknowledged write is kept by that, and a failed one may not have it
 *   dead  among the system's dead letters: kept, though not where queries find it; beside the same write stored it is no second copy
 *
 * `.states`: what has become of what is stored, where the system's contract can tell. First `# kept <state> ...` and `# broken <state> ...`, then
 * `<vu>:<from>-<to> <state>` (a state is one word), and `end` as its last line; without `end` it is incomplete.
 */
import type { WriteIdentity, WriteOutcome } from './contract.ts';

export interface LedgerLine extends Pick<WriteIdentity, 'vu' | 'n'> {
  outcome: WriteOutcome;
  dueMs: number;
  latMs: number;
  lagMs: number;
  status: number;
  code: number;
  attempts: number;
}

/** How an attempt reached the system, as far as it did. */
export type Connection = 'reused' | 'new' | 'none';

export interface AttemptLine extends Pick<WriteIdentity, 'vu' | 'n'> {
  atMs: number;
  latMs: number;
  status: number;
  code: number;
  connection: Connection;
  /** Null = not known. */
  pod: string | null;
}

/** A pod's name as it may stand in a line: an RFC 1123 subdomain, short enough for the longest line that is read. */
const POD = '[a-z0-9](?:[a-z0-9.-]{0,126}[a-z0-9])?';
const NUMBER = String.raw`(-?\d{1,11}(?:\.\d{1,15})?)`;
const WHOLE = String.raw`(\d{1,10})`;
const ATTEMPT = new RegExp(`^T ${WHOLE}:${WHOLE} ${NUMBER} ${NUMBER} ${WHOLE} ${WHOLE} ([rn-]) (-|${POD})$`);
const CONNECTIONS: Record<string, Connection> = { r: 'reused', n: 'new', '-': 'none' };

/** The line of a failed attempt, without its newline. */
export function formatAttemptLine({
  vu,
  n,
  atMs,
  latMs,
  status,
  code,
  connection,
  pod,
}: AttemptLine): string {
  const letter = connection === 'none' ? '-' : connection.charAt(0);
  return `T ${vu}:${n} ${atMs} ${latMs} ${status} ${code} ${letter} ${pod ?? '-'}`;
}

/** Null for a line that is none, or was cut off. */
export function parseAttemptLine(text: string): AttemptLine | null {
  const found = ATTEMPT.exec(text);
  const connection = CONNECTIONS[found?.[7] ?? ''];
  if (found === null || connection === undefined) return null;
  const [vu = 0, n = 0, atMs = 0, latMs = 0, status = 0, code = 0] = found.slice(1, 7).map(Number);
  if (vu < 1 || n < 1) return null;
  return { vu, n, atMs, latMs, status, code, connection, pod: found[8] === '-' ? null : (found[8] ?? null) };
}

/** The line without its newline. */
export function formatLedgerLine(line: LedgerLine): string {
  const head = `${line.outcome} ${line.vu}:${line.n} ${line.dueMs} ${line.latMs} ${line.lagMs}`;
  return line.outcome === 'A' && line.attempts === 1
    ? head
    : `${head} ${line.status} ${line.code} ${line.attempts}`;
}

/** The anchor's line without its newline; `wallMs` = milliseconds since the Unix epoch. */
export function formatAnchorLine(wallMs: number): string {
  return `# anchor ${wallMs}`;
}
