/** The load as the system counted it: every request of every ledger, in the bin in which it ended. */
import type { LedgerLine } from '../../record/ledger.ts';
import { scanLedger } from '../ledger-scan.ts';
import type { Ledger, RunView } from '../view.ts';
import type { LoadBin } from './phases.ts';
import type { Span } from './timing.ts';

const SERVER_ERRORS_FROM = 500;

export interface CountedLoad {
  fromMs: number;
  binMs: number;
  /** Requests that were answered. */
  answered: readonly LoadBin[];
  /** The same, with each request that got no answer taken for a bad one: whether the system counted it is not known. */
  withUnanswered: readonly LoadBin[];
  /** Longest wait for an answer that never came, milliseconds; 0: all were answered. */
  unansweredMs: number;
}

/**
 * `slowerThanMs`: bad are requests that took longer; without it, those answered by a server error (5xx). The string says why nothing can be
 * counted: a ledger has damage, or lacks its end.
 */
export function countLoad(
  { ledgers }: Pick<RunView, 'ledgers'>,
  span: Span,
  { binMs, slowerThanMs }: { binMs: number; slowerThanMs: number | undefined },
): CountedLoad | string {
  const length = Math.max(0, Math.ceil((span.toMs - span.fromMs) / binMs));
  const answered = Array.from({ length }, () => ({ bad: 0, all: 0 }));
  const unanswered = new Float64Array(length);
  let unansweredMs = 0;
  for (const ledger of ledgers) {
    if (ledger.load === null) continue;
    const doubt = doubtOf(ledger);
    if (doubt !== null) return doubt;
    const { anchorMs } = ledger.load;
    eachRequest(ledger, ({ endMs, status, tookMs, isAnswered }) => {
      const index = Math.floor((anchorMs + endMs - span.fromMs) / binMs);
      const bin = answered[index];
      if (bin === undefined) return;
      if (!isAnswered) {
        unanswered[index] = (unanswered[index] ?? 0) + 1;
        unansweredMs = Math.max(unansweredMs, tookMs);
        return;
      }
      bin.all += 1;
      if (slowerThanMs === undefined ? status >= SERVER_ERRORS_FROM : tookMs > slowerThanMs) bin.bad += 1;
    });
  }
  const withUnanswered = answered.map(({ bad, all }, i) => ({
    bad: bad + (unanswered[i] ?? 0),
    all: all + (unanswered[i] ?? 0),
  }));
  return { fromMs: span.fromMs, binMs, answered, withUnanswered, unansweredMs };
}

function doubtOf({ file, scan, load }: Ledger): string | null {
  const name = `ledger/${file.runner}.log`;
  if (scan.malformed > 0) return `${scan.malformed} lines of ${name} are damaged`;
  return load === null || load.open === null ? null : `${name} may lack its end: ${load.open}`;
}

/** Times in milliseconds since the runner's anchor. */
interface Request {
  endMs: number;
  tookMs: number;
  status: number;
  isAnswered: boolean;
}

/**
 * Every attempt is a request of its own. One that failed has a line before that of its write; only an attempt without such a line is told by
 * the write's. What could not connect was never sent.
 */
function eachRequest({ file }: Ledger, onRequest: (request: Request) => void): void {
  const told = new Map<number, number>();
  scanLedger(
    file.chunks(),
    (line) => {
      const failed = told.get(line.vu) ?? 0;
      told.delete(line.vu);
      if (failed < line.attempts) onRequest(lastAttempt(line));
    },
    ({ vu, atMs, latMs, status, connection }) => {
      told.set(vu, (told.get(vu) ?? 0) + 1);
      if (status === 0 && connection === 'none') return;
      onRequest({ endMs: atMs + latMs, tookMs: latMs, status, isAnswered: status !== 0 });
    },
  );
}

/** An acknowledgement at the first attempt has no status in its line. */
function lastAttempt({ dueMs, latMs, lagMs, status, outcome }: LedgerLine): Request {
  return {
    endMs: dueMs + latMs,
    tookMs: latMs - lagMs,
    status,
    isAnswered: outcome === 'A' || status !== 0,
  };
}
