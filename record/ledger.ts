/**
 * The ledger's two line formats. One file per runner: `ledger/<runner>.log` is written by the load generator, one raw line per
 * write after its last attempt; `ledger/<runner>.stored` is what the system gave back afterwards.
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
 * `.stored`: `<vu>:<from>-<to>[ x<copies>]`, and `end` as its last line; without `end` it is incomplete.
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
