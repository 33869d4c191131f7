/** One write of a batch of metrics. Runs inside k6. */
import { attempt, type Operation } from './attempts.ts';
import { Batch } from './batch.ts';
import { attemptOutcome, isContractAnswer } from './ledger.ts';
import { settings } from './settings.ts';

const { runId, runner, points } = settings;
const batchOf = (vu: number) => ({ vu, batch: new Batch({ runId, runner, vu, points }) });
/** Made while k6 starts its virtual users, before the schedule begins: hundreds of bodies in its first second would make it late. */
let made = batchOf(__VU);

const operation: Operation = {
  body(vu, n, nowMs) {
    // The two numbers differ where one test is spread over several k6 processes.
    if (made.vu !== vu) made = batchOf(vu);
    return made.batch.body(n, nowMs);
  },
  meaning: (status, code, body) => ({
    outcome: attemptOutcome(status, code, status === 200 && tookAll(body)),
    named: isContractAnswer(status),
  }),
};

/** Sends the next batch of this virtual user; its lines go to `record`, null for a benchmark of what they cost. */
export function write(record: ((line: string) => void) | null): void {
  attempt(settings.url, operation, record);
}

/** Whether the answer claims every point of the batch. What cannot be read claims nothing. */
function tookAll(body: unknown): boolean {
  if (typeof body !== 'string') return false;
  try {
    const answer: unknown = JSON.parse(body);
    return (
      typeof answer === 'object' &&
      answer !== null &&
      'accepted' in answer &&
      answer.accepted === settings.points
    );
  } catch {
    return false;
  }
}
