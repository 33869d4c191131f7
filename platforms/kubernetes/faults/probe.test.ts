import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CannotRun } from '../../platform.ts';
import type { ExecResult } from '../cluster.ts';
import { contacts, makeFixture } from './fixture.ts';
import { readPod } from './pod.ts';
import type { PodFacts } from './pod.ts';
import { probeOf, readContacts, TOOL_NAMES } from './probe.ts';

/** Runs a program here as it would run in a pod. */
function here(command: readonly string[]): Promise<ExecResult> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { timeout: 10_000 });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

let server: net.Server;
let open: number;
let closed: number;
beforeAll(async () => {
  server = net.createServer((socket) => {
    socket.on('error', () => undefined); // a probe that hangs up
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });
  const spare = net.createServer();
  for (const one of [server, spare]) await new Promise<void>((r) => one.listen(0, '127.0.0.1', r));
  open = (server.address() as net.AddressInfo).port;
  closed = (spare.address() as net.AddressInfo).port;
  await new Promise((r) => spare.close(r));
});
afterAll(() => server.close());

function podOf(fixture: ReturnType<typeof makeFixture>): PodFacts {
  const object = fixture.cluster.find('Pod', 'app-0');
  const pod = object && readPod(object);
  if (!pod) throw new Error('no pod');
  return pod;
}

/** Which of the tools a command line is, by what is in it. */
const TOOL: Record<string, (command: readonly string[]) => boolean> = {
  nc: ([program, , script = '']) => program === 'sh' && script.includes('nc -z'),
  'nc -e': ([program, , script = '']) => program === 'sh' && script.includes('-e true'),
  bash: ([program]) => program === 'bash',
  node: ([program]) => program === 'node',
  python3: ([program]) => program === 'python3',
  wget: ([program, , script = '']) => program === 'sh' && script.includes('wget'),
};
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].some((file) => existsSync(file));
const has = (tool: string) =>
  (tool === 'nc -e' && BUSYBOX) || spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;

test.each(TOOL_NAMES)('%s tells an open port from a closed one', async (tool) => {
  if (!has(tool)) return;
  const fixture = makeFixture();
  fixture.cluster.run = (_, command) => {
    if (TOOL[tool]?.(command) !== true) return { exitCode: 127 };
    // Only BusyBox has this form; its shell finds its own nc first.
    return here(tool === 'nc -e' ? ['busybox', ...command] : command);
  };
  const endpoints = [{ host: '127.0.0.1', port: open }];
  const probe = await probeOf(fixture.cluster, podOf(fixture), endpoints);
  expect(await probe.connect()).toMatchObject([{ connected: true }]);
  endpoints.push({ host: '127.0.0.1', port: closed });
  const [first, second] = await probe.connect();
  expect([first?.connected, second?.connected]).toEqual([true, false]);
});

test('the first tool that reaches everything is taken, and kept', async () => {
  const fixture = makeFixture();
  const asked: string[] = [];
  fixture.cluster.run = (_, command) => {
    asked.push(command[0] ?? '');
    return command[0] === 'node' ? contacts(command) : { exitCode: 127 };
  };
  const probe = await probeOf(fixture.cluster, podOf(fixture), [{ host: '10.0.0.1', port: 1 }]);
  expect(asked).toEqual(['sh', 'sh', 'bash', 'node']);
  await probe.connect();
  expect(asked.at(-1)).toBe('node');
});

test('without a tool, or with nothing that listens, it names the tools and the endpoint', async () => {
  const fixture = makeFixture();
  const endpoints = [{ host: '10.0.0.1', port: 5432 }];
  await expect(probeOf(fixture.cluster, podOf(fixture), endpoints)).rejects.toThrow(CannotRun);
  await expect(probeOf(fixture.cluster, podOf(fixture), endpoints)).rejects.toThrow(
    /from inside app-0 no connection to 10\.0\.0\.1:5432 .* needs one of nc, nc -e, bash, node, python3, wget/,
  );
  fixture.cluster.run = (_, command) => contacts(command, { silent: () => true });
  await expect(probeOf(fixture.cluster, podOf(fixture), endpoints)).rejects.toThrow(
    'nc reached no 10.0.0.1:5432',
  );
});

test('half an answer is no answer', () => {
  const endpoints = [{ host: '10.0.0.1', port: 1 }];
  expect(readContacts('x\n10.0.0.1 1 0 5.00 5.04\n', endpoints, '')).toMatchObject([
    { connected: true, ms: 40 },
  ]);
  for (const text of ['', '10.0.0.1 1 0', '10.0.0.1 2 0 1 1', '10.0.0.1 1 0 a b'])
    expect(() => readContacts(text, endpoints, 'nc ended with 1')).toThrow(
      'no answer for 10.0.0.1:1 (nc ended',
    );
});
