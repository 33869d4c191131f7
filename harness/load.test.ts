import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { UndoAction, UndoJournal } from '../platforms/platform.ts';
import { bundleScript } from './bundle.ts';
import { inspectEngines } from './engines.ts';
import type { SecondSummary } from './ledger-tail.ts';
import { type LoadOptions, startLoad, vusFor } from './load.ts';

const [k6] = await inspectEngines();
const k6Path = k6?.found?.path ?? '';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-load-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const say = (action: UndoAction) =>
  action.kind === 'process' && action.pid !== undefined ? `${action.what} with a pid` : action.kind;

function journal(): UndoJournal & { lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    intent(action) {
      lines.push(`intent ${say(action)}`);
      return 7;
    },
    acted: (id, action) => void lines.push(`acted ${id} ${say(action)}`),
    done: (id) => void lines.push(`done ${id}`),
  };
}

function options(rest: Partial<LoadOptions> & Pick<LoadOptions, 'k6Path'>): LoadOptions {
  return {
    scriptJs: path.join(dir, 'none.js'),
    runner: 'load',
    runId: 'test-run',
    ledgerFile: path.join(dir, 'load.log'),
    logFile: path.join(dir, 'k6.log'),
    summaryFile: path.join(dir, 'k6.json'),
    env: { URL: 'http://127.0.0.1:1/', POINTS: '3', TIMEOUT_MS: '1000' },
    ratePerS: 100,
    vus: 10,
    forMs: 1_000,
    undo: journal(),
    ...rest,
  };
}

/** A program in k6's place; `$LEDGER` is the file of --console-output. */
function fakeK6(body: string): string {
  const file = path.join(dir, 'fake-k6');
  writeFileSync(
    file,
    `#!/bin/sh\nfor word in "$@"; do case $word in --console-output=*) LEDGER=\${word#*=};; esac; done\n${body}\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

describe('startLoad with a program in place of k6', () => {
  it('reports a k6 that cannot be started', async () => {
    const load = await startLoad(options({ k6Path: path.join(dir, 'missing') }));
    expect(load.pid).toBeNull();
    expect(await load.anchorWallMs).toBeNull();
    const end = await load.ended;
    expect(end.why).toMatch(/^k6 could not be started: .*ENOENT/);
    await load.stop();
  });

  it('kills a k6 that hangs before its first line', async () => {
    const undo = journal();
    const load = await startLoad(
      options({ k6Path: fakeK6('sleep 60'), undo, limits: { startMs: 300, stopMs: 300 } }),
    );
    const end = await load.ended;
    expect(end).toMatchObject({ exitCode: null, signal: 'SIGKILL', iterations: null, dropped: null });
    expect(end.why).toBe('k6 wrote nothing in its first 0.3 s and was killed');
    expect(undo.lines).toEqual(['intent process', 'acted 7 k6 load with a pid', 'done 7']);
  });

  it('says what k6 said when its script does not start', async () => {
    const k6Fake = fakeK6('echo "ReferenceError: foo is not defined" >&2; echo Request Failed >&2; exit 107');
    const end = await (await startLoad(options({ k6Path: k6Fake }))).ended;
    expect(end.exitCode).toBe(107);
    expect(end.why).toBe(
      'the script threw an error while k6 started; last in its log: ReferenceError: foo is not defined',
    );
  });

  it('kills a k6 that does not heed SIGINT, with what it started', async () => {
    const k6Fake = fakeK6(`trap '' INT; echo '# anchor 1000' >> "$LEDGER"; sleep 60 & wait; wait`);
    const load = await startLoad(
      options({ k6Path: k6Fake, forMs: 60_000, limits: { startMs: 30_000, stopMs: 200 } }),
    );
    expect(await load.anchorWallMs).toBe(1_000);
    await load.stop();
    expect(await load.ended).toMatchObject({ signal: 'SIGKILL', why: 'k6 was stopped by the harness' });
  });

  it('tells every second up to the last write, and the rest at the end', async () => {
    const seconds: SecondSummary[] = [];
    const k6Fake = fakeK6(
      `printf '# anchor 1000\\nA 1:1 0 10 1\\nA 2:1 100 30 1\\nF 1:2 2000 5 1 429 0 1\\nU 2:2 2100 900 1 0 1050 1\\nA 1:3 21' >> "$LEDGER"`,
    );
    const load = await startLoad(options({ k6Path: k6Fake, onSecond: (second) => seconds.push(second) }));
    await load.ended;
    expect(seconds).toEqual([
      // less the lag that all writes of the second share
      { second: 0, acked: 2, failed: 0, unknown: 0, p50Ms: 9, p99Ms: 29 },
      { second: 1, acked: 0, failed: 0, unknown: 0, p50Ms: null, p99Ms: null },
      { second: 2, acked: 0, failed: 1, unknown: 0, p50Ms: null, p99Ms: null },
      { second: 3, acked: 0, failed: 0, unknown: 1, p50Ms: null, p99Ms: null },
    ]);
  });

  it('keeps options of the user out of k6, and the token out of its arguments', async () => {
    process.env['K6_VUS'] = '999';
    try {
      const k6Fake = fakeK6('env | sort >&2; echo "args: $*" >&2; exit 1');
      const load = await startLoad(options({ k6Path: k6Fake, env: { TOKEN: 'secret-token' } }));
      await load.ended;
    } finally {
      delete process.env['K6_VUS'];
    }
    const log = readFileSync(path.join(dir, 'k6.log'), 'utf8');
    expect(log).not.toContain('999');
    expect(log).toContain('PROOFLOAD_RUN=test-run\n');
    expect(log).toContain('K6_AUTO_EXTENSION_RESOLUTION=false\n');
    expect(log.slice(log.indexOf('args:'))).not.toContain('secret-token');
  });

  it('never writes into a ledger that exists', async () => {
    writeFileSync(path.join(dir, 'load.log'), 'A 1:1 0 10 1\n');
    await expect(startLoad(options({ k6Path: fakeK6('exit 0') }))).rejects.toThrow(/EEXIST/);
  });
});

const Body = z.object({ metrics: z.array(z.object({ dimensions: z.record(z.string(), z.string()) })) });

/** What one write of the script carries. */
interface Received {
  vu: number;
  n: number;
  attempt: number;
}

const accept = (response: ServerResponse, accepted: number) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ accepted }));

const ledger = () => readFileSync(path.join(dir, 'load.log'), 'utf8');
const lines = () => ledger().match(/^[AFU] .*$/gm) ?? [];

describe.skipIf(k6Path === '')('startLoad with the real k6', () => {
  let server: Server;
  let url: string;
  let received: Received[];
  let answer: (write: Received, response: ServerResponse) => void;
  let scriptJs: string;
  let bundleDir: string;

  beforeAll(async () => {
    bundleDir = mkdtempSync(path.join(os.tmpdir(), 'proofload-bundle-'));
    scriptJs = await bundleScript('push-metrics', bundleDir);
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Body.parse(JSON.parse(Buffer.concat(chunks).toString()));
        const { vu, seq } = body.metrics[0]?.dimensions ?? {};
        const write = {
          vu: Number(vu),
          n: Number(seq),
          attempt: Number(request.headers['x-attempt'] ?? '1'),
        };
        received.push(write);
        answer(write, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/api/v1/write`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(bundleDir, { recursive: true, force: true });
  });
  beforeEach(() => {
    received = [];
    answer = (_, response) => void accept(response, 3);
  });

  const real = (rest: Partial<LoadOptions>) =>
    startLoad(
      options({ k6Path, scriptJs, env: { URL: url, TOKEN: 't', POINTS: '3', TIMEOUT_MS: '300' }, ...rest }),
    );
  it('plays the rate, and writes one line for each write the server got', async () => {
    const seconds: SecondSummary[] = [];
    const beforeMs = Date.now();
    const load = await real({ ratePerS: 100, forMs: 1_500, onSecond: (second) => seconds.push(second) });
    const anchorWallMs = await load.anchorWallMs;
    const end = await load.ended;
    expect(end).toMatchObject({ exitCode: 0, signal: null, why: 'k6 ended' });
    expect(anchorWallMs).toBeGreaterThanOrEqual(beforeMs);
    expect(ledger()).toContain(`# anchor ${anchorWallMs}\n`);
    expect(lines().length).toBe(end.iterations);
    expect((end.iterations ?? 0) + (end.dropped ?? 0)).toBeGreaterThanOrEqual(149);
    const ids = lines().map((line) => line.split(' ')[1]);
    expect(new Set(ids)).toEqual(new Set(received.map(({ vu, n }) => `${vu}:${n}`)));
    expect(new Set(ids).size).toBe(lines().length);
    expect(seconds.reduce((sum, { acked }) => sum + acked, 0)).toBe(lines().length);
  });

  it('tells acknowledged, failed and unknown writes apart, and tries a 5xx again under the same number', async () => {
    const cases: [string, (write: Received, response: ServerResponse) => void][] = [
      ['A 503 then 200', ({ attempt }, response) => attempt === 1 ? response.writeHead(503).end() : accept(response, 3)], // prettier-ignore
      ['F 429', (_, response) => response.writeHead(429).end()],
      ['U 500 three times', (_, response) => response.writeHead(500).end()],
      ['U 200 that took two of three', (_, response) => accept(response, 2)],
      ['U 207', (_, response) => response.writeHead(207).end('{"accepted":2}')],
      ['U reset', (_, response) => response.destroy()],
      ['U never answered', () => undefined],
      ['A at once', (_, response) => accept(response, 3)],
    ];
    const kindOf = ({ vu, n }: Pick<Received, 'vu' | 'n'>) => (vu + n) % cases.length;
    answer = (write, response) => cases[kindOf(write)]?.[1](write, response);
    const load = await real({ ratePerS: 60, forMs: 1_500, vus: 40 });
    await load.ended;
    const seen = new Set(
      lines().map((line) => {
        const [outcome, id = '', , , , ...rest] = line.split(' ');
        const [vu, n] = id.split(':').map(Number);
        return `${cases[kindOf({ vu: vu ?? 0, n: n ?? 0 })]?.[0]}: ${[outcome, ...rest].join(' ')}`;
      }),
    );
    expect(seen).toEqual(
      new Set([
        'A 503 then 200: A 200 0 2',
        'A at once: A',
        'F 429: F 429 1429 1',
        'U 200 that took two of three: U 200 0 1',
        'U 207: U 207 0 1',
        'U 500 three times: U 500 1500 3',
        'U never answered: U 0 1050 1',
        'U reset: U 0 1000 1',
      ]),
    );
  });

  it('outlives a k6 that is killed', async () => {
    const undo = journal();
    const load = await real({ forMs: 60_000, undo });
    await load.anchorWallMs;
    process.kill(load.pid ?? 0, 'SIGKILL');
    const end = await load.ended;
    expect(end).toMatchObject({ exitCode: null, signal: 'SIGKILL', iterations: null, dropped: null });
    expect(end.why).toMatch(/^k6 was killed by SIGKILL \(kill -9, or the kernel was out of memory\)/);
    expect(ledger()).toMatch(/^# anchor \d+$/m);
    expect(undo.lines.at(-1)).toBe('done 7');
  });

  it('stops on request, with its summary', async () => {
    const load = await real({ forMs: 60_000 });
    await load.anchorWallMs;
    await load.stop();
    const end = await load.ended;
    expect(end).toMatchObject({ exitCode: 105, why: 'k6 was stopped by the harness' });
    expect(end.iterations).not.toBeNull();
  });
});

describe('vusFor', () => {
  it('covers p99.9 and a stall, within its bounds', () => {
    expect(vusFor(1)).toBe(20);
    expect(vusFor(1_000)).toBe(350);
    expect(vusFor(1_020)).toBe(357);
    expect(vusFor(1_000, 400)).toBe(650);
    expect(vusFor(100_000)).toBe(1_000);
  });
});
