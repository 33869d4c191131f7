/**
 * How a client talks to Luminate (the guide's public contract, record/contract.ts for what each part is for), and how what its
 * reference system holds is read back from its store.
 */
import { z } from 'zod';
import { askJson, neverSent } from '../../record/ask-json.ts';
import { clientSettings } from '../../record/client.ts';
import type { Contract, WriteOutcome } from '../../record/contract.ts';
import { DEFECTS } from './reference/defects.ts';
import { images } from './reference/images.ts';
import { clickhouseRanges } from './stored-clickhouse.ts';
import { postgresRanges } from './stored-postgres.ts';
import { mintToken } from './token.ts';

const STORE_URL = 'LUMINATE_STORE_URL';
const SECRET_KEY = 'jwt-secret';
const TOKEN_LIFE_S = 7 * 24 * 3_600;
const QUERY_TIMEOUT_MS = 15_000;

/** Refusals of a whole write, before anything was stored. A 5xx says nothing of the kind. */
const REFUSED = new Set([400, 401, 403, 413, 415, 429]);

const Taken = z.object({ accepted: z.number() });
const Counted = z.object({ results: z.tuple([z.object({ value: z.number() })]) });

export const contract: Contract = {
  loadEnv({ url, runId, secrets }) {
    const { headers, sensitive } = clientSettings(process.env);
    const token = tokenOf(secrets);
    return {
      env: {
        URL: new URL('/api/v1/write', url).href,
        TOKEN: token,
        RUN_ID: runId,
        HEADERS: JSON.stringify(headers),
      },
      sensitive: [token, ...sensitive],
    };
  },

  async probeWrite({ url, runId, secrets, id, timeoutMs }) {
    const dimensions = { run_id: runId, runner: id.runner, vu: String(id.vu), seq: String(id.n) };
    const metrics = [{ name: 'proofload_probe', timestamp: Date.now(), value: 1, dimensions }];
    try {
      const answer = await askJson(new URL('/api/v1/write', url), {
        method: 'POST',
        token: tokenOf(secrets),
        payload: { metrics },
        timeoutMs,
      });
      const whole = answer.status === 200 && Taken.safeParse(answer.body).data?.accepted === 1;
      const outcome: WriteOutcome = whole ? 'A' : REFUSED.has(answer.status) ? 'F' : 'U';
      const detail = whole ? 'HTTP 200' : `HTTP ${answer.status} ${JSON.stringify(answer.body) ?? ''}`.trim();
      return { serves: whole, outcome, status: answer.status, detail: detail.slice(0, 200) };
    } catch (error) {
      const outcome = neverSent(error) ? 'F' : 'U';
      const detail = error instanceof Error ? error.message : String(error);
      return { serves: false, outcome, status: 0, detail };
    }
  },

  async *readBack({ storeEnv, runId, pointsPerWrite = new Map() }) {
    const url = storeEnv[STORE_URL];
    if (url === undefined || !URL.canParse(url))
      throw new Error(`luminate: the platform gives no ${STORE_URL}, so what is stored cannot be read back`);
    const rangesOf = new URL(url).protocol === 'http:' ? clickhouseRanges : postgresRanges;
    yield* rangesOf(url, runId, pointsPerWrite);
  },

  async countPoints({ url, runId, secrets }) {
    const query = { queryType: 'aggregate', aggregation: 'count', filters: { run_id: runId } };
    const answer = await askJson(new URL('/api/v1/query', url), {
      method: 'POST',
      token: tokenOf(secrets),
      payload: query,
      timeoutMs: QUERY_TIMEOUT_MS,
    });
    const counted = Counted.safeParse(answer.body);
    if (answer.status === 200 && counted.success) return counted.data.results[0].value;
    throw new Error(
      `luminate: the count of run ${runId} was answered HTTP ${answer.status} ${JSON.stringify(answer.body)}`,
    );
  },

  defects: DEFECTS,

  images,

  containers: ['luminate'],
  stores: { [STORE_URL]: { kind: 'postgres', withOverlay: { clickhouse: 'clickhouse' } } },

  local: { containers: { luminate: { entry: 'reference/server.ts' } } },
};

function tokenOf(secrets: Record<string, string>): string {
  const { token } = clientSettings(process.env);
  if (token !== undefined) return token;
  const secret = secrets[SECRET_KEY];
  if (secret === undefined || secret === '')
    throw new Error(`luminate: no key "${SECRET_KEY}" in the manifests' Secrets; add it to luminate-secrets`);
  return mintToken(secret, {
    tenant_id: 'proofload',
    org_id: 'proofload',
    scopes: ['read', 'write'],
    exp: Math.floor(Date.now() / 1_000) + TOKEN_LIFE_S,
  });
}
