/** A watch from its start to its end, over a server that answers as a Prometheus does, on a clock of the test's own. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CannotRun, type PrometheusRequest, type StartedPrometheus } from '../../platforms/platform.ts';
import { type Event, UsageError } from '../../record/model.ts';
import { planWatch } from './watch-plan.ts';
import { type Watch, watchAlerts } from './watch.ts';

const WALL_MS = Date.parse('2026-11-21T10:00:00.000Z');
const LENGTH_MS = 60_000;
const EXPR = 'errors > 1';
/** Evaluations lie this far behind full seconds, and are told a little later. */
const SLOT_MS = 123;

/** Of its clock: when the alert fires, whether its target answers, what the counters say. */
interface Fake {
  firesMs: [number, number] | null;
  scraped: (atMs: number) => boolean;
  health: string;
  missed: number;
  startTime: string;
}

let server: Server;
let fake: Fake;
let events: Event[];
let request: PrometheusRequest | undefined;
let died: string | null;
let stopped: number;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: WALL_MS });
  fake = { firesMs: null, scraped: () => true, health: 'up', missed: 0, startTime: '2026-11-21T09:59:59Z' };
  events = [];
  died = null;
  stopped = 0;
  server = createServer((asked, response) => {
    void answer(asked).then((text) => response.end(text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  vi.useRealTimers();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function answer(asked: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of asked) body += String(chunk);
  const form = new URLSearchParams(body);
  const path = (asked.url ?? '').split('?')[0];
  const said = (data: unknown) => JSON.stringify({ status: 'success', data });
  if (path === '/metrics')
    return `prometheus_rule_group_iterations_missed_total{rule_group="/rules.yaml;g"} ${fake.missed}\n`;
  if (path === '/api/v1/status/runtimeinfo') return said({ startTime: fake.startTime, lastConfigTime: '' });
  if (path === '/api/v1/targets')
    return said({
      activeTargets: [
        {
          labels: { pod: 'a' },
          health: fake.health,
          lastError: 'refused',
          lastScrape: '',
          lastScrapeDuration: 0.01,
        },
      ],
    });
  if (path === '/api/v1/rules') return said({ groups: [group()] });
  if (path === '/api/v1/query')
    return said({ resultType: 'vector', result: [{ metric: {}, value: [0, '0.012'] }] });
  return said({ resultType: 'matrix', result: seriesOf(form) });
}

function group() {
  const lastEvaluation = new Date(slot(Date.now()) + 5).toISOString();
  const rule = {
    type: 'alerting',
    name: 'Errors',
    query: EXPR,
    duration: 2,
    keepFiringFor: 0,
    labels: {},
    health: 'ok',
    evaluationTime: 0.003,
    lastEvaluation,
  };
  return {
    name: 'g',
    file: '/rules.yaml',
    interval: 1,
    evaluationTime: 0.004,
    lastEvaluation,
    rules: [rule],
  };
}

/** The newest evaluation at a time. */
function slot(wallMs: number): number {
  return Math.floor((wallMs - SLOT_MS) / 1_000) * 1_000 + SLOT_MS;
}

function seriesOf(form: URLSearchParams): unknown[] {
  const query = form.get('query') ?? '';
  const [start = 0, end = 0, step = 1] = ['start', 'end', 'step'].map((name) => Number(form.get(name)));
  const steps = Array.from(
    { length: Math.floor((end - start) / step + 1e-9) + 1 },
    (_, i) => (start + i * step) * 1_000,
  );
  const isTime = query.startsWith('timestamp(');
  const fires = (wallMs: number, earlierMs = 0) =>
    fake.firesMs !== null && wallMs >= fake.firesMs[0] - earlierMs && wallMs < fake.firesMs[1];
  /** Time and value of the sample that an instant finds. */
  const found = (wallMs: number): [number, string] | null => {
    const atMs = slot(wallMs);
    if (query.includes('up')) return [atMs, fake.scraped(atMs) ? '1' : '0'];
    if (query.includes('ALERTS')) return fires(atMs) ? [atMs, '1'] : null;
    return fires(wallMs, 2_000) ? [wallMs, '2'] : null;
  };
  const values = steps.flatMap((wallMs) => {
    const sample = found(wallMs);
    return sample === null ? [] : [[wallMs / 1_000, isTime ? String(sample[0] / 1_000) : sample[1]]];
  });
  const metric = query.includes('ALERTS')
    ? { alertname: 'Errors', alertstate: 'firing', severity: 'page' }
    : { pod: 'a' };
  return values.length === 0 ? [] : [{ metric, values }];
}

const RULES = `groups: [{name: g, interval: 1s, rules: [{alert: Errors, expr: ${EXPR}, for: 2s}]}]`;
const nowMs = () => Date.now() - WALL_MS;

function watch(
  start: (asked: PrometheusRequest) => Promise<StartedPrometheus> = () => Promise.resolve(prometheus()),
): Promise<Watch> {
  return watchAlerts({
    plan: planWatch({
      prometheus: { scrapeIntervalMs: 1_000, evaluationIntervalMs: 1_000, queries: { sick: EXPR } },
      rules: { file: 'systems/x/rules.yaml', text: RULES },
      compress: 1,
    }),
    start: (asked) => {
      request = asked;
      return start(asked);
    },
    writer: {
      emit: (event) => void events.push({ ...event, at: event.at ?? nowMs() }),
      evidence: () => undefined,
      observe: () => undefined,
    },
    nowMs,
    signal: new AbortController().signal,
  });
}

function prometheus(rest: Partial<StartedPrometheus> = {}): StartedPrometheus {
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    notifies: true,
    version: '3.14.0',
    ended: () => died,
    stop() {
      stopped += 1;
      return Promise.resolve();
    },
    ...rest,
  };
}

/** Fires from 30.123 s to 40.123 s. */
function firing(): void {
  fake.firesMs = [WALL_MS + 30_000 + SLOT_MS, WALL_MS + 40_000 + SLOT_MS];
}

async function notify(startsMs: number, endsMs: number): Promise<void> {
  const labels = { alertname: 'Errors', severity: 'page' };
  const [startsAt, endsAt] = [startsMs, endsMs].map((ms) => new Date(WALL_MS + ms).toISOString());
  const body = JSON.stringify([{ labels, annotations: {}, startsAt, endsAt }]);
  await fetch(`${request?.receiverUrl}/api/v2/alerts`, { method: 'POST', body });
}

async function whole(started: Watch): Promise<void> {
  vi.setSystemTime(WALL_MS + LENGTH_MS);
  await started.end();
}

const of = (kind: Event['kind']) => events.filter((event) => event.kind === kind);

it('tells the rule, its firing and its condition, and nothing that it did not see', async () => {
  firing();
  const started = await watch();
  vi.setSystemTime(WALL_MS + 41_000);
  await notify(30_123, 40_123);
  await whole(started);
  expect(of('prometheus.started')).toEqual([
    expect.objectContaining({ version: '3.14.0', scrapeIntervalMs: 1_000, firingsFrom: 'notifications' }),
  ]);
  expect(of('alert.blind')).toEqual([]);
  expect(of('alert.rule')).toEqual([
    expect.objectContaining({
      alert: 'Errors',
      file: 'systems/x/rules.yaml',
      line: 1,
      expr: EXPR,
      forMs: 2_000,
      evaluationIntervalMs: 1_000,
      health: 'ok',
      evaluationDurationMs: 4,
      scrapeDurationMs: 12,
      heldMs: [[28_123, 39_123]],
      watchedMs: [0, 59_128],
    }),
  ]);
  expect(of('alert.fired')).toEqual([
    expect.objectContaining({
      alert: 'Errors',
      labels: [{ alertname: 'Errors', severity: 'page' }],
      firedMs: [30_122, 30_124],
      resolvedMs: [40_122, 40_124],
    }),
  ]);
  expect(of('query.result')).toEqual([expect.objectContaining({ query: 'sick', error: '', stepMs: 1_000 })]);
  expect(events.at(-1)).toMatchObject({ kind: 'prometheus.ended', why: '', rulesRefused: false });
  await started.end();
  expect(stopped).toBe(1);
});

it('has watched nothing as long as a target was never scraped', async () => {
  fake.health = 'unknown';
  const starting = watch();
  // It is given its time, which is over here at once.
  await vi.waitFor(() => expect(of('prometheus.started')).toHaveLength(1));
  vi.setSystemTime(WALL_MS + LENGTH_MS);
  await (await starting).end();
  expect(of('alert.rule')).toEqual([expect.objectContaining({ watchedMs: [60_000, 60_000] })]);
});

it('takes firings from the samples where notifications have no way', async () => {
  firing();
  await whole(await watch(() => Promise.resolve(prometheus({ notifies: false }))));
  expect(of('prometheus.started')).toEqual([expect.objectContaining({ firingsFrom: 'samples' })]);
  expect(of('alert.fired')).toEqual([
    expect.objectContaining({ firedMs: [30_122, 30_124], resolvedMs: [40_122, 40_124] }),
  ]);
  expect(of('alert.blind')).toEqual([]);
});

it('says where notifications and samples differ', async () => {
  firing();
  const started = await watch();
  await notify(32_123, 90_000);
  await whole(started);
  expect(of('alert.blind')).toMatchObject([
    { alert: 'Errors', what: 'nobody looked', fromMs: 30_123, toMs: 32_123 },
    { alert: 'Errors', what: 'nobody looked', fromMs: 40_123, toMs: 59_128 },
  ]);
});

it('says which scrapes and evaluations were left out, and that it is another process', async () => {
  fake.scraped = (atMs) => atMs !== WALL_MS + 20_000 + SLOT_MS;
  const started = await watch();
  fake.missed = 2;
  await whole(started);
  expect(of('alert.blind')).toMatchObject([
    { alert: 'Errors', what: 'missed evaluations', detail: 'group g left out 2' },
    { what: 'missed scrapes', fromMs: 19_123, toMs: 20_123, detail: 'up 0: a' },
  ]);
});

it('says that Prometheus was restarted', async () => {
  const started = await watch();
  fake.startTime = '2026-11-21T10:00:30Z';
  await whole(started);
  expect(of('alert.blind')).toMatchObject([{ what: 'Prometheus restarted', toMs: LENGTH_MS }]);
});

it('says that nothing was ever scraped, and why', async () => {
  fake.scraped = () => false;
  await whole(await watch());
  expect(of('alert.blind')).toMatchObject([
    { what: 'not scraped', detail: 'no scrape of 1 targets came through: refused' },
  ]);
});

it('tells what it saw of a Prometheus that died', async () => {
  const started = await watch();
  vi.setSystemTime(WALL_MS + 41_000);
  await notify(30_123, 40_123);
  died = 'it was killed';
  await whole(started);
  expect(of('alert.rule')).toEqual([expect.objectContaining({ alert: 'Errors', heldMs: null })]);
  // Nobody can say that no notification got lost.
  expect(of('alert.blind')).toMatchObject([
    { alert: 'Errors', what: 'nobody looked', detail: expect.stringContaining('could not be had') },
  ]);
  expect(of('alert.fired')).toHaveLength(1);
  expect(of('query.result')).toEqual([expect.objectContaining({ error: expect.stringContaining('gone') })]);
  expect(events.at(-1)).toMatchObject({
    kind: 'prometheus.ended',
    why: 'it was killed',
    rulesRefused: false,
  });
});

it.each([
  ['err="parse rules from file \\"rules/rules.yaml\\"', true],
  ['no space left on device', false],
])('goes on without a Prometheus that does not come up: %s', async (why, rulesRefused) => {
  const started = await watch(() => Promise.reject(new CannotRun(why)));
  await started.settle();
  await started.end();
  expect(events).toEqual([expect.objectContaining({ kind: 'prometheus.ended', why, rulesRefused })]);
  await expect(fetch(`${request?.receiverUrl}/-/healthy`)).rejects.toThrow();
});

it('leaves it to others where this machine cannot have one', async () => {
  await expect(watch(() => Promise.reject(new UsageError('no go on PATH')))).rejects.toThrow(UsageError);
  await expect(fetch(`${request?.receiverUrl}/-/healthy`)).rejects.toThrow();
});
