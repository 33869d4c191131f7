/** Asking until no question is open, beside a small server that answers as a Prometheus does. */
import http from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseRuleFile } from '../analysis/rules/rule-file-read.ts';
import { UsageError } from '../record/model.ts';
import { askPrometheus } from './rules-live.ts';

const FILES = [
  parseRuleFile('groups: [{ name: g, rules: [{ alert: A, expr: "sum(x_total) > 5" }] }]\n', 'x.yaml'),
];
const { signal } = new AbortController();

/** By path; of queries by their text, else of no series. */
type Answers = Record<string, unknown>;
let answers: Answers = {};
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    const what = new URL(request.url ?? '', 'http://host').pathname.replace('/api/v1/', '');
    const query = new URLSearchParams(body).get('query')?.replaceAll(/\s/g, '') ?? '';
    const told = answers[query] ?? answers[what];
    const failed = { status: 'error', errorType: 'timeout', error: 'query timed out \u001b[2J' };
    const data = told ?? { resultType: 'vector', result: [] };
    response
      .writeHead(told === null ? 503 : 200)
      .end(
        JSON.stringify([answers[query], answers[what]].includes(null) ? failed : { status: 'success', data }),
      );
  });
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const target = { labels: {}, health: 'up', lastError: '', lastScrape: '', lastScrapeDuration: 0 };
const THERE: Answers = {
  'label/__name__/values': ['x_total', 'y_total'],
  metadata: { x_total: [{ type: 'counter' }, { type: 'counter' }] },
  rules: { groups: [] },
  targets: { activeTargets: [{ ...target, scrapeInterval: '30s' }] },
};
const one = { resultType: 'vector', result: [{ metric: {}, value: [0, '1'] }] };
const SEEN = 'count(last_over_time(x_total[6h]))';

it('asks on, judges, and takes the scrape interval that all targets have', async () => {
  answers = { ...THERE, [SEEN]: one };
  const { findings, unanswered, scrapeIntervalMs } = await askPrometheus(FILES, url, signal);
  expect(findings.map(({ rule }) => rule)).toEqual(['rule-not-loaded', 'counter-threshold']);
  expect(unanswered).toEqual([]);
  expect(scrapeIntervalMs).toBe(30_000);
  answers = {
    ...THERE,
    targets: {
      activeTargets: [
        { ...target, scrapeInterval: '30s' },
        { ...target, health: 'down' },
      ],
    },
  };
  const other = await askPrometheus(FILES, url, signal);
  expect(other.findings.map(({ rule }) => rule)).toContain('metric-absent');
  expect(other.scrapeIntervalMs).toBeNull();
});

it('says of which rules it could not ask something', async () => {
  answers = { ...THERE, [SEEN]: null };
  const { findings, unanswered } = await askPrometheus(FILES, url, signal);
  expect(findings.map(({ rule }) => rule)).not.toContain('metric-absent');
  expect(unanswered).toMatchObject([
    { object: 'alert A', why: expect.stringContaining('timed out') as string },
  ]);
});

it('judges nothing by a Prometheus without data, or by none', async () => {
  answers = { ...THERE, 'label/__name__/values': [] };
  await expect(askPrometheus(FILES, url, signal)).rejects.toThrow(
    /no series within 6h, so nothing can be said/,
  );
  await expect(askPrometheus(FILES, url, signal)).rejects.toThrow(UsageError);
  await expect(askPrometheus(FILES, 'http://127.0.0.1:1', signal)).rejects.toThrow(
    /--prometheus: .*ECONNREFUSED/,
  );
});

it('lets no Prometheus speak to the terminal', async () => {
  answers = { 'label/__name__/values': null };
  await expect(askPrometheus(FILES, url, signal)).rejects.toThrow('query timed out \\u{1b}[2J');
});
