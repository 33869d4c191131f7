/** The command of the Job with real k6 processes, where k6 is at hand: its segments, its barrier, its log. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createListener, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { type LoadObjects, runnerJob } from './job.ts';
import { RunnerLedger } from './ledger.ts';
import { releaseAll, stopK6, untilPaused } from './release.ts';
import { segmentSequence } from './segments.ts';

function findK6(): string | null {
  const cache = path.join(os.homedir(), '.cache', 'proofload');
  const cached = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith('k6-')) : [];
  const folders = [
    ...(process.env['PATH'] ?? '').split(':'),
    ...cached.map((name) => path.join(cache, name)),
  ];
  return folders.find((folder) => folder !== '' && existsSync(path.join(folder, 'k6'))) ?? null;
}
const k6Dir = findK6();

const SCRIPT = `
import exec from 'k6/execution';
import http from 'k6/http';
export const options = { scenarios: { push: { executor: 'constant-arrival-rate', rate: Number(__ENV.RATE),
  timeUnit: '1s', duration: __ENV.DURATION_MS + 'ms', preAllocatedVUs: Number(__ENV.VUS), maxVUs: Number(__ENV.VUS) } } };
let n = 0;
export default function () {
  n += 1;
  http.post(__ENV.URL, __ENV.RUNNER);
  if (exec.scenario.iterationInInstance === 0) console.log('# anchor ' + exec.scenario.startTime);
  console.log('A ' + exec.vu.idInTest + ':' + n + ' ' + exec.scenario.iterationInTest + ' 1 0');
}
export function handleSummary({ metrics }) {
  const count = (name) => metrics[name]?.values.count ?? 0;
  return { [__ENV.SUMMARY_FILE]: JSON.stringify({ iterations: count('iterations'), dropped_iterations: count('dropped_iterations') }) };
}`;

const Container = z.object({
  command: z.array(z.string()),
  args: z.array(z.string()),
  env: z.array(z.object({ name: z.string(), value: z.string() })),
});
const JobSpec = z.object({
  template: z.object({ spec: z.object({ containers: z.tuple([Container]) }) }),
});

const children: ChildProcess[] = [];
const closers: (() => void)[] = [];
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  for (const close of closers.splice(0)) close();
});

async function freePort(): Promise<number> {
  const listener = createListener().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  await once(listener.close(), 'close');
  return port;
}

/** What the container of one index would do, on this machine. */
async function startHere(load: LoadObjects, index: number, dir: string) {
  const [container] = JobSpec.parse(runnerJob(load)['spec']).template.spec.containers;
  const port = await freePort();
  const script = path.join(dir, 'script.js');
  writeFileSync(script, load.scriptJs);
  const command = container.args[0]!.replace('/scripts/script.js', script).replace(
    '0.0.0.0:6565',
    `127.0.0.1:${port}`,
  );
  const runner = `load-${index + 1}`;
  const at = (name: string) => path.join(dir, name);
  const files = {
    ledgerFile: at(`${runner}.log`),
    logFile: at(`k6-${runner}.log`),
    summaryFile: at(`${runner}.json`),
  };
  const ledger = new RunnerLedger(
    files,
    () => undefined,
    (line) => line,
  );
  const child = spawn('/bin/sh', ['-ec', `exec 2>&1\n${command}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: `${k6Dir}:/usr/bin:/bin`,
      HOME: dir,
      ...Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
      ...load.env,
      JOB_COMPLETION_INDEX: String(index),
    },
  });
  children.push(child);
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const read = (async () => {
    for await (const line of readline.createInterface({ input: child.stdout })) ledger.take(line, Date.now());
  })();
  const ended = Promise.all([exit, read]).then(([[code]]) => code);
  return { runner, port, files, ledger, ended };
}

it.skipIf(k6Dir === null)(
  'two runners share the iterations of one test: none twice, none missing',
  { timeout: 30_000 },
  async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'k6-'));
    closers.push(() => rmSync(dir, { recursive: true, force: true }));
    const requests: Record<string, number> = {};
    const server = createServer((request, response) => {
      let runner = '';
      request.on('data', (chunk: Buffer) => (runner += chunk.toString()));
      request.on('end', () => {
        requests[runner] = (requests[runner] ?? 0) + 1;
        response.end();
      });
    }).listen(0, '127.0.0.1');
    closers.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const load: LoadObjects = {
      namespace: 'ns',
      runId: 'r1',
      base: 'load',
      count: 2,
      scriptJs: SCRIPT,
      image: 'proofload-runner:2',
      env: { URL: `http://127.0.0.1:${port}/` },
      ratePerS: 80,
      vus: 40, // half a second's arrivals: a machine that stalls for less drops none
      forMs: 1_000,
      deadlineMs: 10_000,
    };
    expect(segmentSequence(2)).toBe('0,1/2,1');
    const runners = await Promise.all([startHere(load, 0, dir), startHere(load, 1, dir)]);
    const { signal } = new AbortController();
    await Promise.all(runners.map((runner) => untilPaused(runner, signal)));
    expect(requests).toEqual({});
    const released = await releaseAll(runners, signal);
    expect(await Promise.all(runners.map(({ ended }) => ended))).toEqual([0, 0]);

    const of = runners.map(({ ledger, files }, index) => {
      // k6 said when its schedule began, and that is within what was seen from here.
      expect(ledger.hasOwnAnchor).toBe(true);
      expect(ledger.anchor(released[index]!)?.offMs).toBe(0);
      ledger.close();
      const lines = readFileSync(files.ledgerFile, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('A'));
      expect(lines).toHaveLength(ledger.iterations ?? -1);
      return lines.map((line) => ({
        vu: Number(line.split(/[ :]/)[1]),
        iteration: Number(line.split(' ')[2]),
      }));
    });
    const iterations = of.flat().map(({ iteration }) => iteration);
    expect(iterations.toSorted((a, b) => a - b)).toEqual(iterations.map((_, index) => index));
    expect(iterations.length).toBeGreaterThanOrEqual(80);
    expect(requests).toEqual({ 'load-1': of[0]?.length, 'load-2': of[1]?.length });
    const vus = of.map((lines) => new Set(lines.map(({ vu }) => vu)));
    expect([...vus[0]!].filter((vu) => vus[1]!.has(vu))).toEqual([]);
  },
);

it.skipIf(k6Dir === null)('a k6 that is told to stop leaves its summary', { timeout: 30_000 }, async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'k6-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  const load: LoadObjects = {
    namespace: 'ns',
    runId: 'r1',
    base: 'load',
    count: 1,
    scriptJs: SCRIPT,
    image: 'proofload-runner:2',
    // Nobody listens there.
    env: { URL: `http://127.0.0.1:${await freePort()}/` },
    ratePerS: 10,
    vus: 1,
    forMs: 60_000,
    deadlineMs: 10_000,
  };
  const runner = await startHere(load, 0, dir);
  const { signal } = new AbortController();
  await untilPaused(runner, signal);
  await releaseAll([runner], signal);
  await expect.poll(() => runner.ledger.writes).toBeGreaterThan(2);
  await stopK6(runner.port);
  expect(await runner.ended).toBe(103);
  expect(runner.ledger.iterations).toBeGreaterThan(2);
  runner.ledger.close();
});
