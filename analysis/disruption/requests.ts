/**
 * Every request of the judged load that a disturbance may have cost: counted, attributed, and held against the undisturbed stretches of the
 * same run. A write is a request; an attempt that failed and was made good by the next is one that a client without retries would have lost.
 * Reads the ledgers twice, so memory does not grow with them. Pure.
 */
import type { AttemptLine, LedgerLine } from '../../record/ledger.ts';
import { type Interval, seenUntilMs } from '../faults.ts';
import { scanLedger } from '../ledger-scan.ts';
import type { LoadView } from '../load-view.ts';
import type { Ledger, RunView } from '../view.ts';
import { attribute } from './causes.ts';
import type { Failure, Setting } from './failure.ts';
import { Failures } from './failures.ts';
import type { PodEnd } from './pod-ends.ts';
import { podLives } from './pod-lives.ts';
import { settingOf } from './setting.ts';

export interface DisturbedRequests {
  /** Pods that ended, asked or not, in the window. */
  ends: PodEnd[];
  /** Requests in flight or arriving between t0 and t0 + grace of any of them. */
  atRisk: number;
  /** Ended without an acknowledgement. */
  lost: Failures;
  /** Acknowledged, after an attempt that failed. */
  retried: Failures;
  /** Acknowledged at the first attempt, and slower than the scenario calls good. */
  late: Failures;
  /** Undisturbed: outside the windows of all faults and the ends of all pods, at the same rate. */
  control: { requests: number; failed: Failures };
  /** The next fault began then, while pods of this one had not ended; null = none did. */
  cutShortAtMs: number | null;
}

/** News of a pod's end, and what still waits for an answer of it, outlive it a little. */
const AFTERMATH_MS = 2_000;
/** The writes that a stop of the generator cuts off end together, within this time. */
const CUT_MS = 250;

/** Of the requests in `windowMs` and of those that the end of a pod in it may have hurt later. */
export function disturbedRequests(view: RunView, windowMs: Interval): DisturbedRequests {
  const lives = podLives(view);
  const ends = lives.ends.filter(({ t0Ms }) => t0Ms[1] >= windowMs[0] && t0Ms[0] < windowMs[1]);
  const found: DisturbedRequests = {
    ends,
    atRisk: 0,
    lost: new Failures(),
    retried: new Failures(),
    late: new Failures(),
    control: { requests: 0, failed: new Failures() },
    cutShortAtMs: null,
  };
  // What the next fault does to requests is not this one's doing, though pods of this one may still have grace.
  const nextMs = seenUntilMs({ intentAtMs: windowMs[0] }, view.faults, { toMs: Number.POSITIVE_INFINITY });
  found.cutShortAtMs = ends.some((end) => (end.endedMs?.[1] ?? riskOf(end, 0)[1]) > nextMs) ? nextMs : null;
  const before = ([from, to]: Interval): Interval => [from, Math.min(to, nextMs)];
  const disturbed: Interval[] = [windowMs, ...ends.map((end) => before(riskOf(end, AFTERMATH_MS)))];
  const context: Context = {
    found,
    disturbed,
    risks: ends.map((end) => before(riskOf(end, 0))),
    // Whatever else was done to the system, or happened to it, is neither this disturbance nor peace.
    troubled: [
      ...disturbed,
      ...view.faults.flatMap((fault) => (fault.windowMs ? [fault.windowMs] : [])),
      ...lives.ends.map((end) => riskOf(end, AFTERMATH_MS)),
    ],
    setting: settingOf(view, lives),
    slowMs: view.plan.scenario.good.latencyMs,
  };
  for (const ledger of view.ledgers) if (ledger.load?.judged) walk(ledger, ledger.load, context);
  return found;
}

interface Context {
  found: DisturbedRequests;
  disturbed: readonly Interval[];
  risks: readonly Interval[];
  troubled: readonly Interval[];
  setting: Setting;
  slowMs: number;
}

/** What a virtual user is in the middle of. */
interface User {
  n: number;
  attempts: AttemptLine[];
  /** End of its last write, on the run's clock. */
  lastMs: number | null;
}

function walk({ file, schedule, lastEndMs }: Ledger, load: LoadView, context: Context): void {
  const { anchorMs, runner } = load;
  const users = new Map<number, User>();
  const userOf = (vu: number): User => {
    const user = users.get(vu) ?? { n: 0, attempts: [], lastMs: null };
    users.set(vu, user);
    return user;
  };
  const cutFromMs = load.ended?.exitCode === 0 ? Number.POSITIVE_INFINITY : lastEndMs - CUT_MS;
  const take = (user: User, vu: number, n: number, line: LedgerLine | null) => {
    const attempts = user.n === n ? user.attempts.map((one) => failureOf(one, load, user)) : [];
    user.attempts = [];
    const id = `${runner}/${vu}:${n}`;
    if (line === null) judge({ id, attempts, line: null, lateMs: 0 }, load, context);
    else if (line.outcome !== 'U' || line.dueMs + line.latMs < cutFromMs) {
      const shiftMs = schedule?.shiftMs(line.dueMs + line.lagMs) ?? 0;
      judge({ id, attempts, line, lateMs: line.latMs - shiftMs }, load, context);
    }
    if (line !== null) user.lastMs = anchorMs + line.dueMs + line.latMs;
  };
  scanLedger(
    file.chunks(),
    (line) => take(userOf(line.vu), line.vu, line.n, line),
    (attempt) => {
      const user = userOf(attempt.vu);
      if (user.n !== attempt.n) user.attempts = [];
      user.n = attempt.n;
      user.attempts.push({ ...attempt });
    },
  );
  // An attempt whose write has no line: cut off in the middle of its retries.
  if (Number.isFinite(cutFromMs)) return;
  for (const [vu, user] of users) if (user.attempts.length > 0) take(user, vu, user.n, null);
}

interface Request {
  id: string;
  attempts: readonly Failure[];
  /** Null = it left none. */
  line: LedgerLine | null;
  /** From its intended start to its end. */
  lateMs: number;
}

function judge(
  { id, attempts, line, lateMs }: Request,
  { anchorMs, fromMs }: LoadView,
  context: Context,
): void {
  const { found, setting } = context;
  const startMs = line ? anchorMs + line.dueMs + line.lagMs : (attempts[0]?.fromMs ?? fromMs);
  const endMs = line ? anchorMs + line.dueMs + line.latMs : (attempts.at(-1)?.toMs ?? startMs);
  if (startMs < fromMs) return;
  const touches = (stretches: readonly Interval[]) =>
    stretches.some(([from, to]) => endMs >= from && startMs < to);
  if (touches(context.risks)) found.atRisk += 1;
  const isControl = !touches(context.troubled);
  if (isControl) found.control.requests += 1;
  const isLost = line?.outcome !== 'A';
  const isLate = !isLost && lateMs > context.slowMs;
  // Each failed attempt has a line of its own, and one that a broken log lost is still counted by the write's.
  const wasRetried = attempts.length > 0 || (line?.attempts ?? 1) > 1;
  if (!isLost && !wasRetried && !isLate) return;
  if (!isControl && !touches(context.disturbed)) return;
  // Of a lost write the last attempt decides; of one that was made good, the first is what went wrong.
  const failure = (isLost ? attempts.at(-1) : attempts[0]) ?? asFailure(line, startMs, endMs);
  const named = { id, atMs: failure.fromMs, ...attribute(failure, setting) };
  if (isControl) {
    if (isLost || wasRetried) found.control.failed.add(named);
  } else if (isLost) found.lost.add(named);
  else if (wasRetried) found.retried.add(named);
  else found.late.add(named);
}

/**
 * A write without a failed attempt: refused in words of the contract, or late; or its ledger is of a time when attempts had no lines, and
 * nothing is known of its connection.
 */
function asFailure(line: LedgerLine | null, fromMs: number, toMs: number): Failure {
  const status = line?.outcome === 'A' ? 200 : (line?.status ?? 0);
  return { fromMs, toMs, status, code: line?.code ?? 0, connection: 'reused', pod: null, idleMs: null };
}

function failureOf(attempt: AttemptLine, { anchorMs }: LoadView, { lastMs }: User): Failure {
  const fromMs = anchorMs + attempt.atMs;
  const { status, code, connection, pod } = attempt;
  const idleMs = lastMs === null ? null : fromMs - lastMs;
  return { fromMs, toMs: fromMs + attempt.latMs, status, code, connection, pod, idleMs };
}

function riskOf({ t0Ms, endedMs, graceMs }: PodEnd, afterMs: number): Interval {
  return [t0Ms[0], Math.max(t0Ms[1] + graceMs, afterMs === 0 ? 0 : (endedMs?.[1] ?? 0)) + afterMs];
}
