/** How journeys and events are named, and what the answers to both mean (the guide's and the code's contract of Kalcifer). Pure. */
import type { AnswerMeaning } from './attempts.ts';
import { attemptOutcome } from './ledger.ts';

/** The customer of a journey, and the mark of an event: `<run>/<runner>/<vu>/<n>`. The contract reads it back. */
export function identity(runId: string, runner: string, vu: number, n: number): string {
  return `${runId}/${runner}/${vu}/${n}`;
}

/** Answers by which a whole operation is refused. */
const REFUSED = new Set([400, 401, 404, 409, 422, 429]);

/** Of a trigger: only a 201 that names the instance acknowledges. */
export function triggerMeaning(status: number, code: number, body: string | null): AnswerMeaning {
  if (status === 201)
    return { outcome: typeof field(body, 'instance_id') === 'string' ? 'A' : 'U', named: true };
  return otherMeaning(status, code);
}

/** Of an event: 202 acknowledges where it was routed to a journey; routed to none, it is dropped for good. */
export function eventMeaning(status: number, code: number, body: string | null): AnswerMeaning {
  if (status !== 202) return otherMeaning(status, code);
  const routed = field(body, 'routed');
  return { outcome: typeof routed !== 'number' ? 'U' : routed >= 1 ? 'A' : 'F', named: true };
}

function otherMeaning(status: number, code: number): AnswerMeaning {
  if (REFUSED.has(status)) return { outcome: 'F', named: true };
  return { outcome: status === 0 ? attemptOutcome(0, code, false) : 'U', named: false };
}

function field(body: string | null, name: string): unknown {
  try {
    const answer: unknown = JSON.parse(body ?? '');
    return typeof answer === 'object' && answer !== null
      ? (answer as Record<string, unknown>)[name]
      : undefined;
  } catch {
    return undefined;
  }
}
