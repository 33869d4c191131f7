/** Posts batches of events at a constant rate, open model: arrivals do not wait for answers. One ledger line per POST. */
import { attempt, type Operation } from './lib/attempts.ts';
import { EventBatch } from './lib/event-batch.ts';
import { attemptOutcome } from './lib/ledger.ts';
import { openLoad } from './lib/open-load.ts';
import { settings } from './lib/settings.ts';

export { handleSummary } from './lib/summary.ts';

export const options = openLoad;

const { runId, runner, points, url } = settings;
const batchOf = (vu: number) => ({ vu, batch: new EventBatch({ runId, runner, vu, points }) });
/** Made while k6 starts its virtual users, before the schedule begins: hundreds of bodies in its first second would make it late. */
let made = batchOf(__VU);

const operation: Operation = {
  body(vu, n, nowMs) {
    // The two numbers differ where one test is spread over several k6 processes.
    if (made.vu !== vu) made = batchOf(vu);
    return made.batch.body(n, nowMs);
  },
  // 202: all of it was taken. There is no other success, and a refusal is the one other answer that the contract names.
  meaning(status, code) {
    if (status === 202) return { outcome: 'A', named: true };
    const outcome = attemptOutcome(status, code, false);
    return { outcome, named: status !== 0 && outcome === 'F' };
  },
};

export default function pushEvents(): void {
  attempt(url, operation, console.log);
}
