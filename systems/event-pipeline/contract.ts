/**
 * How a client talks to the event pipeline (record/contract.ts for what each part is for), and how what it has kept is read back from
 * ClickHouse and Kafka.
 */
import { askJson, neverSent } from '../../record/ask-json.ts';
import { clientSettings } from '../../record/client.ts';
import type { Contract, WriteOutcome } from '../../record/contract.ts';
import { distinctIdOf, uuidOf } from './identity.ts';
import { readEverything } from './read-back.ts';
import { DEFECTS } from './reference/defects.ts';
import { images } from './reference/images.ts';

const KAFKA_URL = 'KAFKA_URL';
const CLICKHOUSE_URL = 'CLICKHOUSE_URL';

/** Refusals of a whole write, before anything was sent on. A 5xx says nothing of the kind. */
const REFUSED = new Set([400, 401, 413, 429]);

export const contract: Contract = {
  loadEnv({ url, runId }) {
    const { headers, token, sensitive } = clientSettings(process.env);
    return {
      env: {
        URL: new URL('/capture', url).href,
        RUN_ID: runId,
        HEADERS: JSON.stringify(headers),
        ...(token === undefined ? {} : { TOKEN: token }),
      },
      sensitive: [...sensitive],
    };
  },

  async probeWrite({ url, runId, id, timeoutMs }) {
    const event = {
      event: 'proofload_probe',
      distinct_id: distinctIdOf(id),
      timestamp: new Date().toISOString(),
      uuid: uuidOf({ ...id, point: 0, points: 1 }),
      project_id: runId,
    };
    const { token } = clientSettings(process.env);
    try {
      const { status, body } = await askJson(new URL('/capture', url), {
        method: 'POST',
        token,
        payload: event,
        timeoutMs,
      });
      const outcome: WriteOutcome = status === 202 ? 'A' : REFUSED.has(status) ? 'F' : 'U';
      const detail =
        status === 202 ? 'HTTP 202' : `HTTP ${status} ${JSON.stringify(body) ?? ''}`.slice(0, 200).trim();
      return { serves: status === 202, outcome, status, detail };
    } catch (error) {
      const outcome = neverSent(error) ? 'F' : 'U';
      const detail = error instanceof Error ? error.message : String(error);
      return { serves: false, outcome, status: 0, detail };
    }
  },

  readBack({ storeEnv, runId }) {
    return readEverything(storeUrl(storeEnv, KAFKA_URL), storeUrl(storeEnv, CLICKHOUSE_URL), runId);
  },

  /** The query API counts by days, is cached, and is no address that the load knows: the stores alone are asked. */
  countPoints: () => Promise.resolve(null),

  defects: DEFECTS,

  images,

  containers: ['capture-api', 'consumer', 'query-api'],
  stores: { [KAFKA_URL]: { kind: 'kafka' }, [CLICKHOUSE_URL]: { kind: 'clickhouse' } },
};

function storeUrl(storeEnv: Record<string, string>, name: string): URL {
  const text = storeEnv[name];
  if (text === undefined || !URL.canParse(text))
    throw new Error(`event-pipeline: the platform gives no ${name}, so what is stored cannot be read back`);
  return new URL(text);
}
