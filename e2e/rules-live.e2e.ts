/** Rules beside a real Prometheus that scrapes a small target: each seeded mistake is found, sound rules have no finding. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { findEngine } from '../harness/engines.ts';
import { launchPrometheus, type LocalPrometheus } from '../platforms/local/prometheus.ts';
import { EXIT, UsageError } from '../record/model.ts';
import { ROOT } from '../record/root.ts';
import { createMetrics } from '../systems/luminate/reference/metrics.ts';
import { FULL, start } from './proofload.ts';

/** Long enough for a busy machine to answer each scrape: one that is missed is an alert. */
const SCRAPE_MS = 3_000;
/** So many scrapes that every window of the rules is full. */
const SCRAPES = 6;
const W = '[12s]';

/** Everything that the rules below speak of, one scrape older at each. */
function metrics(scrape: number): string {
  return [
    '# TYPE shop_requests_total counter',
    `shop_requests_total{method="GET",code="200"} ${scrape * 100}`,
    `shop_requests_total{method="POST",code="200"} ${scrape * 50}`,
    `shop_requests_total{method="POST",code="500"} ${scrape}`,
    '# TYPE shop_failures_total counter',
    `shop_failures_total{code="500"} ${scrape}`,
    '# TYPE shop_answers_total counter',
    `shop_answers_total{code="500"} ${scrape}`,
    `shop_answers_total{code="200"} ${scrape * 150}`,
    // Declared, and no event yet.
    '# TYPE shop_rejections_total counter',
    '# TYPE shop_queue gauge',
    `shop_queue ${3 + (scrape % 3)}`,
    '# TYPE shop_orders counter',
    `shop_orders ${scrape * 10}`,
    '# TYPE shop_backend_up gauge',
    'shop_backend_up{backend="a"} 1',
    'shop_backend_up{backend="b"} 1',
    '# TYPE shop_backend_weight gauge',
    'shop_backend_weight{backend="a",zone="x"} 5',
    'shop_backend_weight{backend="b",zone="y"} 5',
    '# TYPE shop_cache_seconds gauge',
    'shop_cache_seconds 0.02',
    '# TYPE shop_last_import_timestamp_seconds gauge',
    `shop_last_import_timestamp_seconds ${Math.floor(Date.now() / 1_000)}`,
    '# TYPE shop_answer_seconds histogram',
    ...['0.1', '0.5', '2', '10', '+Inf'].map(
      (le) => `shop_answer_seconds_bucket{le="${le}"} ${scrape * 151}`,
    ),
    `shop_answer_seconds_sum ${scrape * 3}`,
    `shop_answer_seconds_count ${scrape * 151}`,
    '',
  ].join('\n');
}

/** What is looked for at each: the rule of the finding, and what its text has to name. */
const SEEDED: [alert: string, expr: string, rule: string, says: RegExp][] = [
  ['Typo', `sum(rate(shop_request_total${W})) > 1000`, 'metric-absent', /shop_requests_total/],
  ['LowerCase', `sum(rate(shop_requests_total{method="get"}${W})) > 1000`, 'matcher-absent', /GET/],
  [
    'NoSuchLabel',
    `sum(rate(shop_requests_total{status="500"}${W})) > 10`,
    'matcher-absent',
    /no.* label status/,
  ],
  [
    'HalfAPattern',
    `sum(rate(shop_requests_total{instance=~"127"}${W})) > 1000`,
    'matcher-anchored',
    /\.\*127\.\*/,
  ],
  ['GaugeRate', `rate(shop_queue${W}) > 10`, 'rate-of-gauge', /gauge by its TYPE/],
  ['RawCounter', 'shop_orders > 5000', 'counter-threshold', /counter by its TYPE/],
  ['NeverMeet', 'shop_backend_up * shop_backend_weight > 50', 'join-label', /the left has no zone/],
  [
    'Milliseconds',
    `histogram_quantile(0.99, sum by (le) (rate(shop_answer_seconds_bucket${W}))) > 20`,
    'threshold-out-of-reach',
    /ends at 10/,
  ],
  ['FarAway', 'shop_cache_seconds > 200', 'threshold-out-of-reach', /0\.02 at most/],
  [
    'OneOfOne',
    `rate(shop_failures_total${W}) / rate(shop_answers_total${W}) > 0.9`,
    'self-ratio',
    /exactly 1/,
  ],
  ['ManyToMany', 'shop_requests_total / on (namespace) shop_queue > 1e9', 'query-fails', /many-to-one/],
  ['AlwaysGone', 'absent(up{app="shopp"})', 'matcher-absent', /fires all the time/],
  ['OnNow', 'shop_queue > 1', 'true-now', /true for 1 series now/],
];

const SOUND: [alert: string, expr: string][] = [
  ['Down', 'up{namespace="shop"} == 0'],
  ['Gone', 'absent(up{namespace="shop"})'],
  [
    'Errors',
    `sum by (namespace) (rate(shop_requests_total{code=~"5.."}${W})) / sum by (namespace) (rate(shop_requests_total${W})) > 0.05`,
  ],
  ['Slow', `histogram_quantile(0.95, sum by (namespace, le) (rate(shop_answer_seconds_bucket${W}))) > 1`],
  ['LongQueue', 'shop_queue > 100'],
  ['ManyOrders', `rate(shop_orders${W}) > 1000`],
  ['Restarted', 'changes(shop_backend_up[1m]) > 3'],
  ['Stale', 'time() - shop_last_import_timestamp_seconds > 3600'],
  ['BackendDown', 'shop_backend_up == 0 and on (backend) shop_backend_weight > 0'],
  ['Weighed', 'shop_backend_up * on (namespace, pod, backend) group_right () shop_backend_weight > 50'],
  ['Busy', `sum by (method) (rate(shop_requests_total${W})) > 5000 unless on (namespace) shop_queue > 100`],
];

const Result = z.object({
  findings: z.array(
    z.object({
      rule: z.string(),
      severity: z.string(),
      object: z.string(),
      line: z.number(),
      why: z.string(),
      fix: z.string(),
    }),
  ),
  unanswered: z.array(z.unknown()),
});

const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-rules-live-'));
let missing = FULL ? '' : 'a live Prometheus is part of make e2e-full: it has to be built first';
let scraped = 0;
let prometheus: LocalPrometheus | undefined;
const luminate = createMetrics('wrong-metric-name');
luminate.writes.inc({ status: 200 });
const target = http.createServer((request, response) => {
  if (request.url === '/luminate') {
    response.setHeader('content-type', luminate.registry.contentType);
    void luminate.registry.metrics().then((text) => response.end(text));
    return;
  }
  scraped += 1;
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metrics(scraped));
});

const ruleFile = (name: string, rules: readonly (readonly [string, string, ...unknown[]])[]) => {
  const groups = [
    { name, interval: '1s', rules: rules.map(([alert, expr]) => ({ alert, expr, for: '1m' })) },
  ];
  return JSON.stringify({ groups }, null, 1);
};

beforeAll(async () => {
  if (missing !== '') return;
  const { signal } = new AbortController();
  let program = '';
  try {
    const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
    program = (await findEngine('prometheus', { signal, onProgress })).path;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    missing = error.message;
    return;
  }
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const address = target.address();
  const port = typeof address === 'object' ? address?.port : 0;
  // As loaded: the first sound rule has another text, the last is missing.
  const loaded = SOUND.slice(0, -1).map(([alert, expr], i): [string, string] => [
    alert,
    i === 0 ? `${expr} or vector(0) == 1` : expr,
  ]);
  prometheus = await launchPrometheus({
    request: {
      config: JSON.stringify({
        global: { scrape_interval: '3s', scrape_timeout: '3s', evaluation_interval: '1s' },
        rule_files: ['rules/*.yaml'],
      }),
      rules: {
        'sound.yaml': ruleFile('sound', loaded),
        'seeded.yaml': ruleFile('seeded', SEEDED),
      },
      scrapeIntervalMs: SCRAPE_MS,
      flags: [],
      binary: () => Promise.resolve(program),
      receiverUrl: 'http://127.0.0.1:1',
    },
    targets: [
      {
        address: `127.0.0.1:${port}`,
        path: '/metrics',
        labels: { namespace: 'shop', app: 'shop', pod: 'shop-1' },
      },
      {
        address: `127.0.0.1:${port}`,
        path: '/luminate',
        labels: { namespace: 'luminate', app: 'luminate', pod: 'luminate-1' },
      },
    ],
    runId: path.basename(folder),
    evidenceDir: folder,
    undo: { intent: () => 0, acted: () => undefined, done: () => undefined },
    signal,
  });
  await vi.waitFor(() => expect(scraped).toBeGreaterThanOrEqual(SCRAPES), { timeout: 60_000, interval: 100 });
});
beforeEach(({ skip }) => skip(missing !== '', missing));
afterAll(async () => {
  await prometheus?.stop();
  target.closeAllConnections();
  target.close();
  rmSync(folder, { recursive: true, force: true });
});

async function judged(name: string, rules: Parameters<typeof ruleFile>[1]) {
  const file = path.join(folder, `${name}.yaml`);
  writeFileSync(file, ruleFile(name, rules));
  return judgedFile(file);
}

async function judgedFile(file: string) {
  // A process of its own: the target is in this one.
  const { code, stdout } = await start(['rules', '--json', '--prometheus', prometheus?.url ?? '', file])
    .ended;
  const { findings, unanswered } = Result.parse(JSON.parse(stdout));
  expect(unanswered).toEqual([]);
  return { code, findings };
}

it('finds each seeded mistake, at its rule, with what to write instead', async () => {
  const { code, findings } = await judged('seeded', SEEDED);
  expect(code).toBe(EXIT.fail);
  for (const [alert, , rule, says] of SEEDED) {
    const own = findings.filter(({ object }) => object === `alert ${alert}`);
    expect(
      own.map((one) => one.rule),
      alert,
    ).toContain(rule);
    const found = own.find((one) => one.rule === rule);
    expect(found?.severity, alert).not.toBe('info');
    expect(`${found?.why} ${found?.fix}`, alert).toMatch(says);
  }
});

it('finds nothing in sound rules but what is loaded otherwise, or not at all', async () => {
  const { code, findings } = await judged('sound', SOUND);
  expect(code).toBe(EXIT.fail);
  expect(findings.map(({ rule, object }) => `${object}: ${rule}`)).toEqual([
    'alert Down: rule-differs',
    'alert Busy: rule-not-loaded',
  ]);
});

it('takes what only a failure brings for a note, and what is not there yet', async () => {
  const { code, findings } = await judged('lazy', [
    ['Rejections', `sum(increase(shop_rejections_total${W})) > 3`],
    ['Unavailable', `sum(rate(shop_requests_total{code="503"}${W})) > 3`],
    ['Crashes', `sum(increase(shop_worker_crashes_total${W})) > 3`],
  ]);
  const notes = findings.filter(({ rule }) => rule !== 'rule-not-loaded');
  expect(notes.map(({ rule, severity, object }) => `${object}: ${severity} ${rule}`)).toEqual([
    'alert Rejections: info metric-absent',
    'alert Unavailable: info matcher-absent',
    'alert Crashes: info metric-absent',
  ]);
  expect(code).toBe(EXIT.pass);
});

it('finds the renamed metric of a system whose defect is just that, in the alerts that depend on it', async () => {
  const { findings } = await judgedFile(path.join(ROOT, 'systems/luminate/rules.yaml'));
  const bad = findings.filter(({ severity }) => severity !== 'info');
  expect(new Set(bad.map(({ rule, object }) => `${object}: ${rule}`))).toEqual(
    new Set(['alert LuminateWriteErrors: metric-absent']),
  );
  expect(bad.map(({ fix }) => fix).join()).toContain('luminate_writes_total');
});
