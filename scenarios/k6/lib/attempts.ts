/** One operation from its arrival to its ledger line: up to three attempts, the judgement. Runs inside k6. */
import { sleep } from 'k6';
import exec from 'k6/execution';
import http, { type RefinedResponse } from 'k6/http';
import { anchorLine, attemptLine, type Outcome, writeLine, writeOutcome } from './ledger.ts';
import { settings } from './settings.ts';

/** Who answered, where a system says so. No part of any contract: without it an attempt is nobody's. */
const SERVED_BY = 'X-Served-By';

/** Before the second and the third attempt, seconds. */
const RETRY_PAUSES_S = [0.1, 0.2];

/** What the contract says of an answer. `named`: it says what an answer of this status means. Status 0 is no answer. */
export interface AnswerMeaning {
  outcome: Outcome;
  named: boolean;
}

export interface Operation {
  /** What is sent, the same in each attempt. */
  body(vu: number, n: number, nowMs: number): string | ArrayBuffer;
  meaning(status: number, code: number, body: string | null): AnswerMeaning;
  /** Whether it is sent twice at the same moment, as by a client that clicked twice. */
  twice?(vu: number, n: number): boolean;
}

// Built once. No Idempotency-Key: with one, k6's HTTP client sends a request again on its own, unseen. Later attempts say so in a header.
const paramsOf = (more: Record<string, string>) =>
  [1, 2, 3].map((which) => ({
    headers: {
      ...more,
      ...settings.headers,
      'Content-Type': 'application/json',
      ...(settings.token === '' ? {} : { Authorization: `Bearer ${settings.token}` }),
      ...(which === 1 ? {} : { 'X-Attempt': String(which) }),
    },
    timeout: settings.timeoutMs,
    redirects: 0,
    tags: { name: 'push' },
    responseType: 'text' as const,
  }));
const keeping = paramsOf({});
const closing = paramsOf({ Connection: 'close' });

/** Made in the first write, since both are unknown before; then kept, because each access of `exec` builds an object. */
let user: { vu: number; scenario: typeof exec.scenario; startMs: number } | undefined;
type Answer = RefinedResponse<'text'>;

/**
 * The last answer that this virtual user got: one write at a time means one connection at a time, so it names who is at the other end of a
 * connection that is used again. Kept whole, and its header read only when somebody asks: reading it each time would cost every write.
 */
let lastAnswer: Answer | undefined;
/** Counts before the send, so that a write k6 was interrupted in has a number without a line. */
let n = 0;

/** Sends the next operation of this virtual user to `url`; its lines go to `record`, null for a benchmark of what they cost. */
export function attempt(url: string, operation: Operation, record: ((line: string) => void) | null): void {
  const beganMs = Date.now();
  user ??= firstWrite();
  const iteration = user.scenario.iterationInTest;
  // Of several runners each has a first iteration of its own; it is a virtual user's first, too.
  if (n === 0 && user.scenario.iterationInInstance === 0) record?.(anchorLine(user.startMs));
  const dueMs = Math.round((iteration * 1_000) / settings.ratePerS);
  n += 1;
  const body = operation.body(user.vu, n, beganMs);
  const isTwice = operation.twice?.(user.vu, n) === true;

  let outcome: Outcome = 'F'; // neutral: F and an attempt's outcome give the attempt's
  let status = 0;
  let code = 0;
  let attempts = 0;
  const { writesPerConnection } = settings;
  const isLast = writesPerConnection > 0 && n % writesPerConnection === 0;
  for (const param of isLast ? closing : keeping) {
    if (attempts > 0) sleep(RETRY_PAUSES_S[attempts - 1] ?? 0);
    const sentMs = attempts === 0 ? beganMs : Date.now();
    attempts += 1;
    const answers = isTwice ? both(url, body, param) : [http.post(url, body, param)];
    for (const answer of answers) {
      const { outcome: seen, named } = operation.meaning(answer.status, answer.error_code, answer.body);
      if (!named) record?.(failedAttempt(answer, user, sentMs));
      if (answer.status !== 0) lastAnswer = answer;
      // Of two answers the acknowledgement is the one to tell.
      if (outcome !== 'A') ({ status, error_code: code } = answer);
      outcome = writeOutcome(outcome, seen);
    }
    if (outcome === 'A' || status < 500) break;
  }
  if (record === null) return;
  const latMs = Math.max(0, Date.now() - user.startMs - dueMs);
  const lagMs = Math.max(0, beganMs - user.startMs - dueMs);
  record(writeLine(outcome, user.vu, n, dueMs, latMs, lagMs, status, code, attempts));
}

function both(url: string, body: string | ArrayBuffer, params: (typeof keeping)[number]): Answer[] {
  const request = { method: 'POST', url, body, params };
  return http.batch<[typeof request, typeof request]>([request, request]);
}

/** k6 leaves the address out where nothing was connected to, and the time to connect where nothing had to be (checked with 2.2.0). */
function failedAttempt(answer: Answer, { vu, startMs }: NonNullable<typeof user>, sentMs: number): string {
  const { status, error_code: code } = answer;
  const isConnected = answer.remote_port !== 0;
  const isReused = isConnected && answer.timings.connecting === 0;
  const connection = isReused ? 'r' : isConnected ? 'n' : '-';
  const speaker = status !== 0 ? answer : isReused ? lastAnswer : undefined;
  const pod = speaker?.headers[SERVED_BY];
  return attemptLine(vu, n, sentMs - startMs, Date.now() - sentMs, status, code, connection, pod);
}

function firstWrite(): NonNullable<typeof user> {
  const { scenario } = exec;
  return { vu: exec.vu.idInTest, scenario, startMs: scenario.startTime };
}
