/** Starts one journey after the other, each of a customer of its own, at a constant rate, open model. One ledger line per journey. */
import http from 'k6/http';
import { attempt, type Operation } from './lib/attempts.ts';
import { identity, triggerMeaning } from './lib/journeys.ts';
import { openLoad } from './lib/open-load.ts';
import { settings } from './lib/settings.ts';

export { handleSummary } from './lib/summary.ts';

export const options = openLoad;

/** Every so many journeys are asked for by two requests at once: the promise is that exactly one starts. */
const TWICE_EVERY = 50;

const { runId, runner } = settings;
const operation: Operation = {
  body: (vu, n) => `{"customer_id":"${identity(runId, runner, vu, n)}","context":{}}`,
  meaning: triggerMeaning,
  twice: (vu, n) => (vu + n) % TWICE_EVERY === 0,
};

/** The flow that the journeys run through, with the graph that the system's contract gives. Throws, which ends k6, when it is refused. */
export function setup(): { trigger: string } {
  const flows = `${settings.url}/api/v1/flows`;
  const id = made(flows, JSON.stringify({ name: `${runId} ${runner}` }));
  made(`${flows}/${id}/versions`, JSON.stringify({ graph: JSON.parse(__ENV['GRAPH'] ?? '{}') as unknown }));
  made(`${flows}/${id}/activate`, null);
  return { trigger: `${flows}/${id}/trigger` };
}

function made(url: string, body: string | null): string {
  const headers = {
    ...settings.headers,
    'Content-Type': 'application/json',
    Authorization: `Bearer ${settings.token}`,
  };
  const answer = http.post(url, body, { headers, responseType: 'text', timeout: settings.timeoutMs });
  const data = answer.status < 300 && answer.status >= 200 ? answer.json('data.id') : null;
  if (typeof data !== 'string')
    throw new Error(
      `POST ${url} was answered ${answer.status} ${answer.error} ${answer.body?.slice(0, 200)}`,
    );
  return data;
}

export default function startJourney({ trigger }: ReturnType<typeof setup>): void {
  attempt(trigger, operation, console.log);
}
