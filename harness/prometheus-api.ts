/**
 * What a Prometheus says over its HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/). It only reads. TLS, user and password are
 * those of the address.
 */
import { request } from 'undici';
import { z } from 'zod';
import { UsageError } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';

/** Longest answer that is read; the metadata of ten thousand metrics have a tenth of it. */
const MAX_BYTES = 32 * 1_024 * 1_024;
const TIMEOUT_MS = 30_000;
/** Of an answer that is none, as much as tells what it is. */
const SAID = 200;

const Labels = z.record(z.string(), z.string());
/** Seconds since the Unix epoch, and the value as Prometheus writes it. */
const Point = z.tuple([z.number(), z.string()]);

/** A native histogram has no `value`. */
const Instant = z.discriminatedUnion('resultType', [
  z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ metric: Labels, value: Point.optional() })),
  }),
  z.object({ resultType: z.literal('scalar'), result: Point }),
  z.object({ resultType: z.literal('string'), result: Point }),
]);
const Matrix = z.object({
  resultType: z.literal('matrix'),
  result: z.array(z.object({ metric: Labels, values: z.array(Point).default([]) })),
});
/** Durations and intervals are seconds, times RFC 3339. */
const LoadedRule = z.object({
  type: z.enum(['alerting', 'recording']),
  name: z.string(),
  query: z.string(),
  /** `for` of an alert, seconds; likewise keepFiringFor. */
  duration: z.number().default(0),
  keepFiringFor: z.number().default(0),
  labels: Labels.default({}),
  state: z.string().optional(),
  health: z.string(),
  lastError: z.string().default(''),
  evaluationTime: z.number(),
  lastEvaluation: z.string(),
});
const Rules = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      file: z.string(),
      interval: z.number(),
      evaluationTime: z.number(),
      lastEvaluation: z.string(),
      rules: z.array(LoadedRule),
    }),
  ),
});
const Targets = z.object({
  activeTargets: z.array(
    z.object({
      labels: Labels,
      health: z.string(),
      lastError: z.string(),
      lastScrape: z.string(),
      lastScrapeDuration: z.number(),
      /** As a duration of Prometheus, `15s`. Since 2.31. */
      scrapeInterval: z.string().optional(),
    }),
  ),
});
const Metadata = z.record(z.string(), z.array(z.object({ type: z.string(), unit: z.string().optional() })));
const Runtime = z.object({ startTime: z.string(), lastConfigTime: z.string() });

const Answer = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.unknown().optional(),
    warnings: z.array(z.string()).default([]),
    infos: z.array(z.string()).default([]),
  }),
  z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() }),
]);

/** `value` is text as Prometheus writes it: see `sampleValue` of analysis/alerts/query-values.ts. */
export interface Series<V> {
  labels: Record<string, string>;
  value: V;
}

/** With what Prometheus notes on the expression; `infos` since 3.0. */
export interface Noted<T> {
  result: T;
  warnings: string[];
  infos: string[];
}

/** What was asked has no answer. `refused`: the expression cannot be evaluated, and asking again would not help. */
export class PrometheusError extends Error {
  override readonly name = 'PrometheusError';
  readonly refused: boolean;
  constructor(message: string, refused: boolean) {
    super(message);
    this.refused = refused;
  }
}

export type PrometheusApi = ReturnType<typeof prometheusApi>;

/** Throws UsageError for an address that is none. Each question rejects with PrometheusError, or with the reason of `signal`. */
export function prometheusApi(address: string, { signal, timeoutMs = TIMEOUT_MS }: Asking = {}) {
  const { ask, get } = asker(address, { timeoutMs, ...(signal && { signal }) });
  return {
    /** At `atMs` since the Unix epoch, or now. A scalar is one series without labels; a series of native histograms has the value null. */
    async query(expr: string, atMs?: number): Promise<Noted<Series<string | null>[]>> {
      const { data, ...notes } = await ask('query', Instant, {
        query: expr,
        ...(atMs !== undefined && { time: seconds(atMs) }),
      });
      const result =
        data.resultType === 'vector'
          ? data.result.map(({ metric, value }) => ({ labels: metric, value: value?.[1] ?? null }))
          : [{ labels: {}, value: data.result[1] }];
      return { result, ...notes };
    },
    /** [seconds since the Unix epoch, value] of each series; times in milliseconds since then. Prometheus refuses more than 11,000 steps. */
    async queryRange(
      expr: string,
      { fromMs, toMs, stepMs }: { fromMs: number; toMs: number; stepMs: number },
    ): Promise<Noted<Series<[number, string][]>[]>> {
      const range = { start: seconds(fromMs), end: seconds(toMs), step: seconds(stepMs) };
      const { data, ...notes } = await ask('query_range', Matrix, { query: expr, ...range });
      return {
        result: data.result.map(({ metric, values }) => ({ labels: metric, value: values })),
        ...notes,
      };
    },
    /** Of a label, among the series of a selector or all of them; the stretch is rounded up to what Prometheus keeps together, some hours. */
    async labelValues(
      label: string,
      { selector, fromMs, toMs }: { selector?: string; fromMs: number; toMs: number },
    ): Promise<string[]> {
      const range = {
        start: seconds(fromMs),
        end: seconds(toMs),
        ...(selector !== undefined && { 'match[]': selector }),
      };
      const what = `label/${encodeURIComponent(label)}/values?${new URLSearchParams(range).toString()}`;
      return (await ask(what, z.array(z.string()))).data;
    },
    /** An expression as Prometheus itself writes it. */
    format: async (expr: string) => (await ask('format_query', z.string(), { query: expr })).data,
    rules: async () => (await ask('rules', Rules)).data.groups,
    targets: async () => (await ask('targets?state=active', Targets)).data.activeTargets,
    /** Type and unit by metric, as its targets say them: more than one where they disagree. Without the `_bucket` and the like of histograms. */
    metadata: async () => (await ask('metadata', Metadata)).data,
    runtime: async () => (await ask('status/runtimeinfo', Runtime)).data,
    /** Of the metrics that it has of itself and whose names begin so: values by name and labels, as written. */
    async ownMetrics(prefix: string): Promise<Map<string, number>> {
      const { where, status, text } = await get('metrics');
      if (status !== 200) throw new PrometheusError(`${where}: status ${status}`, false);
      const lines = text.split('\n').filter((line) => line.startsWith(prefix));
      return new Map(
        lines.map((line) => {
          const end = line.lastIndexOf(' ');
          return [line.slice(0, end), Number(line.slice(end + 1))];
        }),
      );
    },
  };
}

interface Asking {
  signal?: AbortSignal;
  /** Of each question. */
  timeoutMs?: number;
}

function asker(address: string, { signal, timeoutMs }: Asking & { timeoutMs: number }) {
  const { base, authorization } = baseOf(address);
  const get = async (what: string, form?: Record<string, string>) => {
    const where = `${base.href}${what.split('?')[0]}`;
    const limit = AbortSignal.timeout(timeoutMs);
    const answered = await exchange(new URL(what, base), {
      authorization,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(form && { form }),
    }).catch((error: unknown) => {
      signal?.throwIfAborted();
      const why = limit.aborted ? `no whole answer within ${timeoutMs} ms` : reasonOf(error);
      throw new PrometheusError(`${where}: ${why}`, false);
    });
    return { where, ...answered };
  };
  const ask = async <T>(what: string, schema: z.ZodType<T>, form?: Record<string, string>) => {
    const { where, ...answered } = await get(`api/v1/${what}`, form);
    const body = jsonOf(answered.text);
    const answer = Answer.safeParse(body);
    if (!answer.success) throw new PrometheusError(`${where}: ${strangerOf({ ...answered, body })}`, false);
    if (answer.data.status === 'error') {
      const { errorType, error } = answer.data;
      throw new PrometheusError(`${where}: ${error}`, errorType === 'bad_data' || errorType === 'execution');
    }
    const { data, warnings, infos } = answer.data;
    const parsed = schema.safeParse(data);
    if (!parsed.success)
      throw new PrometheusError(
        `${where}: an answer of another form: ${z.prettifyError(parsed.error)}`,
        false,
      );
    return { data: parsed.data, warnings, infos };
  };
  return { ask, get };
}

function strangerOf({ status, body, text }: { status: number; body: unknown; text: string }): string {
  const said = body === undefined ? text.slice(0, SAID).replaceAll(/\s+/g, ' ') : 'JSON of another form';
  return `status ${status} and no answer of a Prometheus (${said || 'nothing'}); the address is that of its start page, with user:password@ where it asks for them`;
}

/** Rejects when there is no whole answer in time, or one that is too long. */
async function exchange(
  url: URL,
  {
    authorization,
    signal,
    form,
  }: { authorization: string; signal: AbortSignal; form?: Record<string, string> },
): Promise<{ status: number; text: string }> {
  const response = await request(url, {
    method: form ? 'POST' : 'GET',
    headers: {
      ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...(authorization !== '' && { authorization }),
    },
    ...(form && { body: new URLSearchParams(form).toString() }),
    signal,
  });
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BYTES) throw new Error(`an answer of more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode, text: Buffer.concat(chunks).toString('utf8') };
}

/** Undefined: it is none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The address without its secret, ending in a slash. */
function baseOf(address: string): { base: URL; authorization: string } {
  try {
    const base = new URL(address);
    const secret = [base.username, base.password].map(decodeURIComponent).join(':');
    if (base.protocol === 'http:' || base.protocol === 'https:') {
      base.username = base.password = base.search = base.hash = '';
      if (!base.pathname.endsWith('/')) base.pathname += '/';
      return {
        base,
        authorization: secret === ':' ? '' : `Basic ${Buffer.from(secret).toString('base64')}`,
      };
    }
  } catch {
    // As below: what is said must not repeat an address that may carry a password.
  }
  throw new UsageError(
    'the address of a Prometheus is as http://127.0.0.1:9090 or https://user:password@host',
  );
}

function seconds(ms: number): string {
  return String(ms / 1_000);
}
