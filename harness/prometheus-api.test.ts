/** The client beside a small server that answers as a Prometheus does, or as none does; and beside a real one, where one is in the cache. */
import http from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchPrometheus } from '../platforms/local/prometheus.ts';
import { UsageError } from '../record/model.ts';
import { inspectEngines } from './engines.ts';
import { sampleValue } from '../analysis/alerts/query-values.ts';
import { prometheusApi, PrometheusError } from './prometheus-api.ts';

interface Asked {
  url: string;
  method: string;
  body: string;
  authorization: string | undefined;
}

const asked: Asked[] = [];
let answer: { status?: number; body: string | Buffer } | 'silence' = 'silence';
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    const { url = '', method = '', headers } = request;
    asked.push({ url, method, body, authorization: headers.authorization });
    if (answer !== 'silence') response.writeHead(answer.status ?? 200).end(answer.body);
  });
});
let address = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  address = `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const success = (data: unknown, rest: object = {}) => {
  answer = { body: JSON.stringify({ status: 'success', data, ...rest }) };
};
const failure = async (asking: Promise<unknown>) => {
  const error: unknown = await asking.then(() => undefined).catch((reason: unknown) => reason);
  if (!(error instanceof PrometheusError)) throw new Error(`no PrometheusError: ${String(error)}`);
  return error;
};

describe('asks', () => {
  it('for the value of an expression, and gives back labels, text and notes', async () => {
    success(
      {
        resultType: 'vector',
        result: [
          { metric: { a: 'b' }, value: [1, '+Inf'] },
          { metric: {}, histogram: [1, {}] },
        ],
      },
      { infos: ['i'], warnings: ['w'] },
    );
    expect(await prometheusApi(`http://u:p%40@${address}/prefix`).query('up', 1_500)).toEqual({
      result: [
        { labels: { a: 'b' }, value: '+Inf' },
        { labels: {}, value: null },
      ],
      infos: ['i'],
      warnings: ['w'],
    });
    expect(asked.at(-1)).toEqual({
      url: '/prefix/api/v1/query',
      method: 'POST',
      body: 'query=up&time=1.5',
      authorization: `Basic ${Buffer.from('u:p@').toString('base64')}`,
    });
    success({ resultType: 'scalar', result: [1, '2'] });
    expect((await prometheusApi(`http://${address}`).query('1 + 1')).result).toEqual([
      { labels: {}, value: '2' },
    ]);
    expect(asked.at(-1)?.authorization).toBeUndefined();
  });

  it('for a range, for values of a label, for what is loaded', async () => {
    const api = prometheusApi(`http://${address}`);
    success({
      resultType: 'matrix',
      result: [
        { metric: {}, values: [[1, '2']] },
        { metric: { h: '1' }, histograms: [] },
      ],
    });
    const range = await api.queryRange('up', { fromMs: 0, toMs: 2_000, stepMs: 500 });
    expect(range.result).toEqual([
      { labels: {}, value: [[1, '2']] },
      { labels: { h: '1' }, value: [] },
    ]);
    expect(asked.at(-1)?.body).toBe('query=up&start=0&end=2&step=0.5');
    success(['x']);
    expect(await api.labelValues('a/b', { selector: 'm{c="d"}', fromMs: 0, toMs: 1_000 })).toEqual(['x']);
    expect(asked.at(-1)).toMatchObject({
      method: 'GET',
      url: '/api/v1/label/a%2Fb/values?start=0&end=1&match%5B%5D=m%7Bc%3D%22d%22%7D',
    });
    success({ x: [{ type: 'counter', help: '' }] });
    expect(await api.metadata()).toEqual({ x: [{ type: 'counter' }] });
  });
});

describe('rejects, in words', () => {
  const api = () => prometheusApi(`http://${address}`, { timeoutMs: 2_000 });
  it('what Prometheus refuses, apart from what it only could not answer', async () => {
    answer = {
      status: 422,
      body: JSON.stringify({ status: 'error', errorType: 'execution', error: 'many-to-many' }),
    };
    expect(await failure(api().query('x'))).toMatchObject({
      refused: true,
      message: expect.stringContaining('many-to-many') as string,
    });
    answer = {
      status: 503,
      body: JSON.stringify({ status: 'error', errorType: 'timeout', error: 'query timed out' }),
    };
    expect(await failure(api().query('x'))).toMatchObject({ refused: false });
  });

  it.each([
    [
      'another server',
      { status: 404, body: '<html>nobody</html>' },
      /status 404 and no answer of a Prometheus \(<html>nobody/,
    ],
    ['JSON of somebody else', { body: '{"groups":[]}' }, /no answer of a Prometheus/],
    ['another form', { body: '{"status":"success","data":{"groups":[{}]}}' }, /another form.*name/s],
    ['too long an answer', { body: Buffer.alloc(33 * 1_024 * 1_024, ' ') }, /more than 33554432 bytes/],
  ])('%s', async (_, given, says) => {
    answer = given;
    const error = await failure(api().rules());
    expect(error.message).toMatch(says);
    expect(error.refused).toBe(false);
  });

  it('silence, and nobody there, without the password of the address', async () => {
    answer = 'silence';
    const error = await failure(prometheusApi(`http://u:secret@${address}`, { timeoutMs: 50 }).rules());
    expect(error.message).toMatch(/no whole answer within 50 ms/);
    expect(error.message).not.toContain('secret');
    expect((await failure(prometheusApi('http://127.0.0.1:1').rules())).message).toContain('ECONNREFUSED');
  });

  it('what was given up, with the reason of whoever gave it up', async () => {
    answer = 'silence';
    const stop = new AbortController();
    const asking = prometheusApi(`http://${address}`, { signal: stop.signal }).rules();
    stop.abort(new Error('interrupted'));
    await expect(asking).rejects.toThrow('interrupted');
  });

  it.each(['nowhere', 'ftp://host', 'http://a:%zz@host'])(
    'the address %s, before anything is asked',
    (bad) => {
      expect(() => prometheusApi(bad)).toThrow(UsageError);
    },
  );
});

it('reads numbers as Prometheus writes them', () => {
  expect(['1e+00', '-Inf', '+Inf', 'NaN'].map(sampleValue)).toEqual([1, -Infinity, Infinity, Number.NaN]);
});

it('understands a real Prometheus', async ({ skip }) => {
  const found = (await inspectEngines()).find(({ engine }) => engine === 'prometheus')?.found;
  if (found === undefined) {
    skip('no Prometheus on PATH or in the cache');
    return;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'prometheus-api-'));
  const rule = { alert: 'Down', expr: 'sum by(job)(up)==0', for: '1m', labels: { severity: 'page' } };
  const running = await launchPrometheus({
    request: {
      config: JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: ['rules/*.yaml'],
      }),
      rules: { 'a.yaml': JSON.stringify({ groups: [{ name: 'g', rules: [rule] }] }) },
      scrapeIntervalMs: 1_000,
      flags: [],
      binary: () => Promise.resolve(found.path),
      receiverUrl: 'http://127.0.0.1:1',
    },
    // Nobody listens there: `up` is 0, and that is a series.
    targets: [{ address: '127.0.0.1:1', path: '/metrics', labels: {} }],
    runId: path.basename(folder),
    evidenceDir: folder,
    undo: { intent: () => 0, acted: () => undefined, done: () => undefined },
    signal: new AbortController().signal,
  });
  try {
    const api = prometheusApi(running.url);
    const [group] = await api.rules();
    expect(group).toMatchObject({
      name: 'g',
      rules: [
        {
          type: 'alerting',
          name: 'Down',
          query: 'sum by (job) (up) == 0',
          duration: 60,
          labels: { severity: 'page' },
        },
      ],
    });
    expect(await api.format('sum(up)by(job)')).toBe('sum by (job) (up)');
    expect(await api.metadata()).toEqual({});
    expect(Date.parse((await api.runtime()).startTime)).toBeGreaterThan(0);
    const patience = { timeout: 20_000 };
    await expect
      .poll(async () => (await api.targets()).map(({ health }) => health), patience)
      .toEqual(['down']);
    const now = Date.now();
    const values = () => api.labelValues('__name__', { fromMs: now - 60_000, toMs: now + 60_000 });
    await expect.poll(values, patience).toContain('up');
    expect((await api.query('up')).result).toMatchObject([{ labels: { __name__: 'up' }, value: '0' }]);
    expect((await failure(api.query('up + on () group_left () {__name__=~".+"}'))).refused).toBe(true);
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
