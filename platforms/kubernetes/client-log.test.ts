import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fc } from '@fast-check/vitest';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectCluster } from './client.ts';
import { splitLines } from './client-lines.ts';
import { createProgress } from './client-log.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import { refuse, startMockApi } from './mock-api.ts';
import type { MockApi } from './mock-api.ts';

const TARGET = { namespace: 'shop', pod: 'a' };

let dir: string;
let mock: MockApi;
let cluster: Cluster;
let logs: ServerResponse[];
let lines: string[];

beforeEach(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-log-'));
  mock = await startMockApi();
  cluster = await connectCluster({ kubeconfig: mock.kubeconfig(dir) });
  logs = [];
  lines = [];
  mock.state.intercept = ({ path: asks }, response) => {
    if (!asks.endsWith('/log')) return false;
    response.flushHeaders();
    logs.push(response);
    return true;
  };
});
afterEach(async () => {
  cluster.close();
  await mock.down();
  rmSync(dir, { recursive: true, force: true });
});

function pod(containerID: string, state: Record<string, unknown> = { running: {} }): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'shop' },
    spec: { containers: [{ name: 'main' }, { name: 'beside' }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'main', containerID, state }] },
  };
}
const follow = (signal = new AbortController().signal) =>
  cluster.followLog(TARGET, (line) => lines.push(line), signal);
const stamp = (ms: number, text: string) => `2026-01-31T10:00:00.${String(ms).padStart(3, '0')}Z ${text}\n`;
const requests = () => mock.requests.filter((seen) => seen.path.endsWith('/log'));
const opened = (count: number) =>
  vi.waitFor(() => expect(logs).toHaveLength(count), { timeout: 3_000, interval: 5 });

test('the end of a log, at most so many bytes of it', async () => {
  const reading = cluster.log({ ...TARGET, container: 'main', previous: true }, 10);
  await opened(1);
  logs[0]?.write('the beginning\n');
  logs[0]?.end('the end\n');
  expect(await reading).toBe('g\nthe end\n');
  expect(requests()[0]?.query).toEqual({ container: 'main', previous: 'true', tailLines: '10' });
  mock.state.intercept = (_seen, response) => refuse(response, 400, 'BadRequest', 'previous not found');
  await expect(cluster.log(TARGET, 10)).rejects.toThrow(
    'log of v1 Pod shop/a: 400 BadRequest: previous not found',
  );
});

test('follows from the beginning, goes on where it broke off, and ends with the container', async () => {
  mock.put(pod('c1'));
  const following = follow();
  await opened(1);
  expect(requests()[0]?.query).toEqual({ container: 'main', follow: 'true', timestamps: 'true' });
  logs[0]?.write(stamp(1, 'one') + stamp(2, 'two') + stamp(2, 'three'));
  await vi.waitFor(() => expect(lines).toHaveLength(3));
  logs[0]?.destroy();
  await opened(2);
  expect(requests()[1]?.query['sinceTime']).toBe('2026-01-31T10:00:00.000Z');
  logs[1]?.write(stamp(1, 'one') + stamp(2, 'two') + stamp(2, 'three') + stamp(2, 'four') + stamp(9, 'five'));
  await vi.waitFor(() => expect(lines).toHaveLength(5));
  mock.put(pod('c1', { terminated: { exitCode: 0 } }));
  logs[1]?.end();
  await opened(3);
  logs[2]?.end(stamp(2, 'four') + stamp(9, 'five') + stamp(10, 'last words'));
  await following;
  expect(lines).toEqual(['one', 'two', 'three', 'four', 'five', 'last words']);
});

test('the log of the next container is not this log', async () => {
  mock.put(pod('c1'));
  const following = follow();
  await opened(1);
  logs[0]?.end(stamp(1, 'one'));
  mock.put(pod('c2'));
  await following;
  expect(lines).toEqual(['one']);
});

test('waits for a container that has not started, and ends with a pod that is gone', async () => {
  mock.put(pod('c1'));
  const serve = mock.state.intercept;
  let waits = 0;
  mock.state.intercept = (seen, response) =>
    seen.path.endsWith('/log') && (waits += 1) === 1
      ? refuse(response, 400, 'BadRequest', 'container is waiting to start: ContainerCreating')
      : serve?.(seen, response) === true;
  const following = follow();
  await opened(1);
  mock.drop({ apiVersion: 'v1', kind: 'Pod', name: 'a', namespace: 'shop' });
  logs[0]?.end();
  await following;
  await expect(follow()).rejects.toThrow('log of v1 Pod shop/a: 404 NotFound: no such pod');
});

test('ends at once when it is told to, and tells no line after that', async () => {
  mock.put(pod('c1'));
  const abort = new AbortController();
  const following = follow(abort.signal);
  await opened(1);
  abort.abort();
  logs[0]?.write(stamp(1, 'too late'));
  await following;
  expect(lines).toEqual([]);
});

test('wherever a log breaks off, every line comes once', () => {
  const log = fc.array(fc.tuple(fc.nat(3), fc.constantFrom('a', 'b', '')), { maxLength: 30 }).map((steps) => {
    let ns = 0;
    return steps.map(([step, text]) => {
      ns += step * 300_000_000;
      const at = `${String(Math.floor(ns / 1e9)).padStart(2, '0')}.${String(ns % 1e9).padStart(9, '0')}`;
      return { second: Math.floor(ns / 1e9), line: `2026-01-31T10:00:${at}Z ${text}`, text };
    });
  });
  fc.assert(
    fc.property(log, fc.array(fc.nat(30), { maxLength: 4 }), (all, breaks) => {
      const told: string[] = [];
      const progress = createProgress((line) => told.push(line));
      for (const end of [...breaks.sort((a, b) => a - b), all.length]) {
        progress.resume();
        const since = progress.sinceTime();
        const second = since === undefined ? 0 : new Date(since).getSeconds();
        for (const entry of all.slice(0, end)) if (entry.second >= second) progress.line(entry.line);
      }
      expect(told).toEqual(all.map(({ text }) => text));
    }),
    { seed: 11, numRuns: 500 },
  );
});

test('a stream is split at line feeds wherever its chunks are cut, and long lines come in pieces', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '漢'), maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(100), { maxLength: 5 }), async (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
      async function* chunks() {
        for (let i = 1; i < at.length; i += 1) yield bytes.subarray(at[i - 1], at[i]);
      }
      const got: string[] = [];
      for await (const line of splitLines(chunks(), 1_000)) got.push(line);
      const expected = whole.split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(got).toEqual(expected);
    }),
    { seed: 3, numRuns: 300 },
  );
  async function* long() {
    yield Buffer.from('abcdefg\nh');
  }
  const pieces: string[] = [];
  for await (const line of splitLines(long(), 3)) pieces.push(line);
  expect(pieces).toEqual(['abc', 'def', 'g', 'h']);
});
