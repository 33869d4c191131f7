/** Sends events to journeys that wait, one to each (lib/aim.ts), at a constant rate, open model. One ledger line per event. */
import exec from 'k6/execution';
import { Aim } from './lib/aim.ts';
import { attempt, type Operation } from './lib/attempts.ts';
import { eventMeaning, identity } from './lib/journeys.ts';
import { openLoad } from './lib/open-load.ts';
import { settings } from './lib/settings.ts';

export { handleSummary } from './lib/summary.ts';

export const options = openLoad;

const { runId, runner, vus, url } = settings;
const aim = new Aim(__ENV['AIM'] ?? '');
const eventType = __ENV['EVENT_TYPE'] ?? '';

const operation: Operation = {
  body(vu, n) {
    const journey = aim.at(n, vu, vus);
    // Sent nowhere it would be a write of its own kind, and sent twice to one journey it would be refused rightly.
    if (journey === null)
      exec.test.abort(`event ${vu}:${n}: only ${aim.count} journeys are there to send events to`);
    const customer = journey === null ? '' : identity(runId, journey.runner, journey.vu, journey.n);
    return `{"customer_id":"${customer}","event_type":"${eventType}","data":{"proofload":"${identity(runId, runner, vu, n)}"}}`;
  },
  meaning: eventMeaning,
};

export default function sendEvent(): void {
  attempt(`${url}/api/v1/events`, operation, console.log);
}
