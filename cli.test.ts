/** Bad input through the real front door: one clear line, exit code 2, nothing started. In a copy of the project, so that files can be broken. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from './record/model.ts';
import { ROOT } from './record/root.ts';

const copy = mkdtempSync(path.join(os.tmpdir(), 'cli-test-'));
const LEFT_OUT = new Set(['node_modules', 'dist', 'out', '.git', '.cache']);

beforeAll(() => {
  cpSync(ROOT, copy, {
    recursive: true,
    filter: (file) => !LEFT_OUT.has(path.relative(ROOT, file)) && !path.basename(file).startsWith('.dist-'),
  });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true }));

function proofload(args: string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(copy, 'bin/proofload.mjs'), ...args],
    {
      cwd: copy,
      env: { ...process.env, ...env },
      encoding: 'utf8',
      timeout: 25_000,
    },
  );
  return { status, stdout, stderr };
}

/** Puts `text` in place of `from` in a file of the copy while `body` runs. */
function broken(file: string, from: string | RegExp, text: string, body: () => void): void {
  const whole = path.join(copy, file);
  const sound = readFileSync(whole, 'utf8');
  expect(sound).toMatch(from);
  writeFileSync(whole, sound.replace(from, text));
  try {
    body();
  } finally {
    writeFileSync(whole, sound);
  }
}

function refused(args: string[], message: RegExp, env?: Record<string, string>): void {
  const { status, stderr } = proofload(args, env);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(status).toBe(EXIT.usage);
  expect(existsSync(path.join(copy, 'out'))).toBe(false);
}

describe('bad input', () => {
  it.each<[string, string[], RegExp]>([
    ['an unknown command', ['sok'], /unknown command 'sok'/],
    ['an unknown option', ['run', 'soak', '--fro', '5m'], /unknown option '--fro'.*--for/s],
    ['an unknown scenario', ['run', 'soka'], /unknown scenario "soka", did you mean "soak"\?/],
    ['a path for a scenario', ['run', '../soak'], /unknown scenario "\.\.\/soak"/],
    ['a rate of 0', ['run', 'soak', '--rate', '0'], /--rate.*above 0 and at most 100000, got "0"/],
    ['a duration in words', ['run', 'soak', '--for', '5 minute'], /--for.*90s, 5m.*got "5 minute"/],
    ['a duration that is too short', ['run', 'soak', '--for', '20s'], /20s of load is too short.*--for/],
    [
      'journeys of a load that there is not',
      ['run', 'soak', '--journeys', '9'],
      /soak starts none.*million-journeys/,
    ],
    [
      'to go on in a system that ended with its run',
      ['run', 'journeys-1m', '--resume', 'out/x'],
      /--resume: the local platform ends its processes.*--attach/,
    ],
    [
      'to go on where a run would deploy anew',
      ['run', 'journeys-1m', '--on', 'kubernetes', '--resume', 'out/x'],
      /--resume: without --attach.*removes it/,
    ],
    ['no journeys at all', ['run', 'journeys-1m', '--journeys', '0'], /--journeys.*1 to 100000000, got "0"/],
    [
      'fewer journeys than events',
      ['run', 'journeys-1m', '--journeys', '9'],
      /3750 writes of the load are aimed at 9 of the load before.*--journeys.*--for/,
    ],
    ['an unknown defect', ['run', 'soak', '--defect', 'none'], /unknown defect "none".*ack-before-store/],
    ['an unknown platform', ['run', 'soak', '--on', 'moon'], /--on.*local/],
    ['a pace of the HPA on kind', ['up', '--on', 'kind', '--hpa-sync', '5s'], /--hpa-.* are for --on bare/],
    ['pods measured too often', ['up', '--metric-resolution', '5s'], /metrics-server takes at least 10s/],
    ['a tolerance in words', ['up', '--hpa-tolerance', '30%'], /--hpa-tolerance.*0\.1, got "30%"/],
    ['a run directory that is not one', ['judge', 'docs'], /docs: not a run directory/],
    ['a file for a run directory', ['judge', 'package.json'], /package\.json: not a run directory/],
    ['a run directory that is not there', ['report', 'nowhere'], /nowhere.*not a run/],
    ['healing what is no run', ['heal', 'docs'], /docs: not a run directory/],
    ['a file for a folder', ['heal', '--out', 'package.json'], /--out.*package\.json/],
    ['a length beyond all timers', ['run', 'soak', '--for', '25d'], /--for.*at most 7d/],
    ['a seed that would repeat', ['run', 'soak', '--seed', '4294967296'], /--seed.*4294967295/],
    ['both one run and all', ['heal', 'docs', '--all'], /not both/],
  ])('%s', (_, args, message) => refused(args, message));

  it('an unknown field in a scenario, with file and line', () =>
    broken('scenarios/soak.ts', 'calibrate: true,', 'calibrate: true,\n  colour: 1,', () =>
      refused(['run', 'soak'], /scenarios\/soak\.ts:\d+: colour: unknown field/),
    ));

  it("an unknown option of a scenario's check, with file and line", () =>
    broken(
      'scenarios/soak.ts',
      "during: 'pod-kill', atLeast: 0.998",
      "during: 'pod-kill', atleast: 0.999",
      () => refused(['run', 'soak'], /scenarios\/soak\.ts:\d+: expect\.\d+\.atleast: unknown field/),
    ));

  it('a check that needs a window and got none', () =>
    broken('scenarios/soak.ts', "check: 'recovers', during: 'rollout',", "check: 'recovers',", () =>
      refused(['run', 'soak'], /scenarios\/soak\.ts:\d+: expect\.\d+: recovers needs `during`/),
    ));

  it('a window for a check that judges the whole run', () =>
    broken(
      'scenarios/soak.ts',
      "{ check: 'stored-once' }",
      "{ check: 'stored-once', during: 'rollout' }",
      () => refused(['run', 'soak'], /stored-once judges the whole run/),
    ));

  it('an unknown k6 script', () =>
    broken('scenarios/soak.ts', "script: 'push-metrics'", "script: 'pushmetrics'", () =>
      refused(['run', 'soak'], /unknown script "pushmetrics", did you mean "push-metrics"/),
    ));

  it('a window of no disturbance', () =>
    broken('scenarios/soak.ts', "during: 'rollout', atLeast", "during: 'roll', atLeast", () =>
      refused(['run', 'soak'], /scenarios\/soak\.ts:\d+: expect\.\d+\.during: "roll"/),
    ));

  it('malformed YAML, with file and line', () =>
    broken('systems/luminate/manifests/deployment.yaml', 'replicas: 3', 'replicas: [3', () =>
      refused(['run', 'soak'], /deployment\.yaml:\d+/),
    ));

  it('an unknown field in a chaos object, with file and line', () =>
    broken('chaos/pod-kill.yaml', /mode: one/, 'mode: one\n  modes: one', () =>
      refused(['run', 'soak'], /chaos\/pod-kill\.yaml:\d+.*modes/),
    ));

  it('a port that is taken', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    // Not spawnSync: this process holds the port and must go on answering.
    const child = spawn(
      process.execPath,
      [path.join(copy, 'bin/proofload.mjs'), 'run', 'control', '--metrics-port', String(port)],
      { cwd: copy },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [status] = (await once(child, 'exit')) as [number];
    server.close();
    expect(stderr).toMatch(new RegExp(`${port}: another program already listens`, 's'));
    expect(status).toBe(EXIT.usage);
  });
});

describe('help and lists', () => {
  it('names every command', () => {
    const { status, stdout } = proofload(['--help']);
    expect(status).toBe(EXIT.pass);
    for (const command of ['run', 'judge', 'report', 'heal', 'prune', 'list', 'doctor'])
      expect(stdout).toContain(command);
  });

  it('lists what the folders hold, and nothing but JSON with --json', () => {
    const { status, stdout } = proofload(['list', '--json']);
    expect(status).toBe(EXIT.pass);
    const found = JSON.parse(stdout) as { scenarios: { name: string }[]; checks: unknown[] };
    expect(found.scenarios.map((scenario) => scenario.name)).toContain('soak');
    expect(found.checks.length).toBeGreaterThan(5);
  });

  it('has nothing to heal and nothing to prune in a fresh checkout', () => {
    expect(JSON.parse(proofload(['heal', '--all', '--json']).stdout)).toEqual({ runs: [] });
    expect(JSON.parse(proofload(['prune', '--json']).stdout)).toEqual({ removed: [], kept: [] });
  });
});
