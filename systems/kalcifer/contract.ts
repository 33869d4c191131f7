/** How a client talks to Kalcifer (record/contract.ts for what each part is for), and where what its reference system holds is read back from. */
import { z } from 'zod';
import { askJson, neverSent } from '../../record/ask-json.ts';
import { clientSettings } from '../../record/client.ts';
import type { Contract, WriteOutcome } from '../../record/contract.ts';
import { readStates, readStored } from './read-back.ts';
import { DEFECTS } from './reference/defects.ts';
import { images } from './reference/images.ts';

const DATABASE_URL = 'DATABASE_URL';
const SECRET_KEY = 'api-key';
const EVENT_TYPE = 'proofload_go';
const COUNT_TIMEOUT_MS = 15_000;

/** The smallest graph that keeps a journey waiting. Its timeout is longer than any run: one that fires is a finding. */
const GRAPH = {
  nodes: [
    { id: 'entry', type: 'event_entry', config: {} },
    { id: 'wait', type: 'wait_for_event', config: { event_type: EVENT_TYPE, timeout: '30d' } },
    { id: 'exit', type: 'exit', config: {} },
  ],
  edges: [
    { source: 'entry', target: 'wait' },
    { source: 'wait', target: 'exit', branch: 'event_received' },
    { source: 'wait', target: 'exit', branch: 'timed_out' },
  ],
};

/** Refusals of a whole trigger, before anything was stored. */
const REFUSED = new Set([400, 401, 404, 409, 422, 429]);

const Made = z.object({ data: z.object({ id: z.uuid() }) });
const Started = z.object({ instance_id: z.uuid() });
const Live = z.object({ instances: z.record(z.string(), z.number()) });

interface Target {
  url: string;
  runId: string;
  secrets: Record<string, string>;
}

export const contract: Contract = {
  loadEnv({ url, runId, secrets }) {
    const { headers, sensitive } = clientSettings(process.env);
    const token = tokenOf(secrets);
    return {
      env: {
        URL: new URL(url).origin,
        TOKEN: token,
        RUN_ID: runId,
        HEADERS: JSON.stringify(headers),
        GRAPH: JSON.stringify(GRAPH),
        EVENT_TYPE,
      },
      sensitive: [token, ...sensitive],
    };
  },

  /** Starts a journey: the probes' customers wait like all others. */
  async probeWrite({ id, timeoutMs, ...target }) {
    let sent = false;
    try {
      const flowId = await probeFlow(target, timeoutMs);
      sent = true;
      const customer = { customer_id: `${target.runId}/${id.runner}/${id.vu}/${id.n}` };
      const { status, body } = await call(
        target,
        'POST',
        `/api/v1/flows/${flowId}/trigger`,
        customer,
        timeoutMs,
      );
      const serves = status === 201 && Started.safeParse(body).success;
      const outcome: WriteOutcome = serves ? 'A' : REFUSED.has(status) ? 'F' : 'U';
      const detail = serves ? 'HTTP 201' : `HTTP ${status} ${JSON.stringify(body) ?? ''}`.trim();
      return { serves, outcome, status, detail: detail.slice(0, 200) };
    } catch (error) {
      const outcome = sent && !neverSent(error) ? 'U' : 'F';
      const detail = error instanceof Error ? error.message : String(error);
      return { serves: false, outcome, status: 0, detail };
    }
  },

  readBack: ({ storeEnv, runId }) => readStored(databaseUrl(storeEnv), runId),

  states: {
    kept: ['waiting', 'completed', 'moved'],
    broken: [
      'started-twice',
      'completed-twice',
      'moved-twice',
      'failed-by-recovery',
      'failed',
      'stale',
      'cancelled',
      'timed-out',
      'inconsistent',
    ],
    read: ({ storeEnv, runId }) => readStates(databaseUrl(storeEnv), runId),
  },

  /** Of all runs, and only those that are not over: it serves to see the system at rest. */
  async countPoints(target) {
    const { status, body } = await call(target, 'GET', '/api/v1/health/metrics', undefined, COUNT_TIMEOUT_MS);
    const live = Live.safeParse(body);
    if (status !== 200 || !live.success)
      throw new Error(
        `kalcifer: the count of live journeys was answered HTTP ${status} ${JSON.stringify(body)}`,
      );
    return Object.values(live.data.instances).reduce((sum, count) => sum + count, 0);
  },

  defects: DEFECTS,

  images,

  containers: ['kalcifer'],
  stores: { [DATABASE_URL]: { kind: 'postgres' } },

  local: { containers: { kalcifer: { entry: 'reference/server.ts' } } },
};

function databaseUrl(storeEnv: Record<string, string>): string {
  const url = storeEnv[DATABASE_URL];
  if (url !== undefined) return url;
  throw new Error(`kalcifer: the platform gives no ${DATABASE_URL}, so what is stored cannot be read back`);
}

function tokenOf(secrets: Record<string, string>): string {
  const token = clientSettings(process.env).token ?? secrets[SECRET_KEY];
  if (token !== undefined && token !== '') return token;
  throw new Error(`kalcifer: no key "${SECRET_KEY}" in the manifests' Secrets; add it to kalcifer-secrets`);
}

/** The flow of the probes' journeys, by run: made by the first probe, and asked for again when that failed. */
const probeFlows = new Map<string, Promise<string>>();

function probeFlow(target: Target, timeoutMs: number): Promise<string> {
  const known = probeFlows.get(target.runId);
  if (known !== undefined) return known;
  const flow = makeFlow(target, timeoutMs);
  probeFlows.set(target.runId, flow);
  flow.catch(() => probeFlows.delete(target.runId));
  return flow;
}

async function makeFlow(target: Target, timeoutMs: number): Promise<string> {
  const made = async (path: string, payload?: unknown): Promise<string> => {
    const { status, body } = await call(target, 'POST', path, payload, timeoutMs);
    const answer = Made.safeParse(body);
    if (status < 300 && answer.success) return answer.data.data.id;
    throw new Error(`POST ${path} was answered HTTP ${status} ${JSON.stringify(body) ?? ''}`.slice(0, 200));
  };
  const id = await made('/api/v1/flows', { name: `${target.runId} probe` });
  await made(`/api/v1/flows/${id}/versions`, { graph: GRAPH });
  await made(`/api/v1/flows/${id}/activate`);
  return id;
}

function call(
  { url, secrets }: Target,
  method: 'GET' | 'POST',
  path: string,
  payload: unknown,
  timeoutMs: number,
): Promise<{ status: number; body: unknown }> {
  return askJson(new URL(path, url), { method, token: tokenOf(secrets), payload, timeoutMs });
}
