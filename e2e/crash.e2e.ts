/**
 * `kill -9` of the harness at any moment, then `proofload heal`: nothing is left, and the half-written run can still be judged.
 * The moments are every side of every line of the undo journal, for every kind of entry, and ten drawn by a seed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { EXIT } from '../record/model.ts';
import { randomFrom } from '../harness/random.ts';
import { FULL, start } from './proofload.ts';

const out = mkdtempSync(path.join(os.tmpdir(), 'crash-e2e-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

const SEED = 20;
const random = randomFrom(SEED);
const SHORT = ['run', 'control', '--for', '25s', '--rate', '50', '--out', out];

/** Everything a run could leave on a machine. */
function leftovers(): Record<string, string[]> {
  const marked = readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return (
        readFileSync(`/proc/${entry}/environ`, 'latin1').includes('PROOFLOAD_RUN=') ||
        readlinkSync(`/proc/${entry}/cwd`).startsWith(path.join(os.tmpdir(), 'proofload-'))
      );
    } catch {
      return false;
    }
  });
  const listeners = ['tcp', 'tcp6'].flatMap((family) =>
    readFileSync(`/proc/net/${family}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === '0A')
      .map((columns) => `${family} ${columns[1]}`),
  );
  return {
    processes: marked,
    listeners: listeners.sort(),
    // A run's folder is called by its run id, which begins with a date; unit tests have folders of other names.
    temporary: readdirSync(os.tmpdir()).filter((name) => /^proofload-\d{8}t/.test(name)),
    shm: readdirSync('/dev/shm').sort(),
    ipc: readFileSync('/proc/sysvipc/shm', 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/)[1] ?? ''),
  };
}

/** Pid of the newest run's watchdog, from its journal; none in the first instants. */
function watchdogOf(): number[] {
  const run = readdirSync(out).sort().at(-1);
  const journal = path.join(out, run ?? '', 'undo.jsonl');
  if (run === undefined || !existsSync(journal)) return [];
  return [...readFileSync(journal, 'utf8').matchAll(/"acted".*"watchdog","pid":(\d+)/g)].map(([, pid]) =>
    Number(pid),
  );
}

async function healedAndJudged(before: Record<string, string[]>): Promise<void> {
  const healed = await start(['heal', '--all', '--out', out, '--json']).ended;
  expect(healed.code, healed.stdout + healed.stderr).toBe(EXIT.pass);
  expect(leftovers()).toEqual(before);
  const dir = path.join(out, readdirSync(out).sort().at(-1) ?? '');
  const judged = await start(['judge', dir, '--json']).ended;
  expect([EXIT.invalid, EXIT.inconclusive], judged.stdout + judged.stderr).toContain(judged.code);
  expect(JSON.parse(judged.stdout)).toHaveProperty('verdict');
  rmSync(dir, { recursive: true });
}

const MOMENTS = ['process', 'directory', 'shared-memory'].flatMap((kind) =>
  ['intent', 'acted', 'done'].flatMap((step) => ['before', 'after'].map((side) => `${kind}/${step}/${side}`)),
);

/** Of each kind and each step one; `make e2e-full` plays them all. */
const FEW = [
  'process/intent/after',
  'directory/intent/before',
  'shared-memory/acted/before',
  'process/done/before',
];

describe('kill -9 at a line of the undo journal', () => {
  // A folder's path is known before it is made, so its entry has no second line.
  const moments = MOMENTS.filter((moment) => !moment.startsWith('directory/acted'));
  it.each(moments.filter((moment) => FULL || FEW.includes(moment)))('%s', async (moment) => {
    const before = leftovers();
    const running = start(SHORT, { PROOFLOAD_CRASH_AT: moment });
    // The undoing begins when the run ends: end it early.
    if (moment.includes('/done/'))
      void running.shows('phase baseline').then(
        () => process.kill(running.pid, 'SIGINT'),
        () => undefined,
      );
    const { signal, stderr } = await running.ended;
    expect(signal, `never reached ${moment}:\n${stderr}`).toBe('SIGKILL');
    await healedAndJudged(before);
  });
});

describe(`kill -9 at a random moment (seed ${SEED})`, () => {
  it.each(Array.from({ length: FULL ? 10 : 2 }, () => Math.round(500 + random() * 35_000)))(
    'after %i ms',
    async (delayMs) => {
      const before = leftovers();
      const running = start(SHORT);
      // The watchdog dies first: what heals here is the command alone, from a cold start.
      const timer = setTimeout(() => {
        for (const pid of [...watchdogOf(), running.pid]) process.kill(pid, 'SIGKILL');
      }, delayMs);
      const { signal } = await running.ended;
      clearTimeout(timer);
      expect(signal).toBe('SIGKILL');
      await healedAndJudged(before);
    },
  );
});

it('is cleaned up by its watchdog, with no command at all', async () => {
  const before = leftovers();
  const running = start(SHORT);
  await running.shows('phase baseline');
  process.kill(running.pid, 'SIGKILL');
  await vi.waitFor(() => expect(leftovers()).toEqual(before), { timeout: 20_000, interval: 200 });
  await healedAndJudged(before);
});

it('refuses to heal a run that is still going on', async () => {
  const running = start(SHORT);
  await running.shows('phase baseline');
  const dir = path.join(out, readdirSync(out).sort().at(-1) ?? '');
  const refused = await start(['heal', dir]).ended;
  expect(refused.code).toBe(EXIT.usage);
  expect(refused.stderr).toMatch(/still going on/);
  process.kill(running.pid, 'SIGINT');
  await running.ended;
  expect(execFileSync('ls', [dir], { encoding: 'utf8' })).toMatch(/verdict\.json/);
});
