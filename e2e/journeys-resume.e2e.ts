/** A load before that was cut short by Ctrl-C or by `kill -9`, in a system that stays, and the run that goes on with it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../record/model.ts';
import { down, marksInCluster, up, whyNoCluster } from './bare.ts';
import { deployByHand } from './by-hand.ts';
import { FULL, type JudgedRun, red, start } from './proofload.ts';

const JOURNEYS = 20_000;
const why = FULL ? whyNoCluster() : 'resuming is part of make e2e-full';
const out = mkdtempSync(path.join(os.tmpdir(), 'resume-e2e-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

const args = ['journeys-in-place', '--on', 'bare', '--attach', '--namespace', 'lasting'].concat([
  '--journeys',
  String(JOURNEYS),
  '--rate',
  '40',
  '--out',
  out,
]);

/** Cuts a run short while its load before is played; returns its directory. */
async function cutShort(signal: 'SIGTERM' | 'SIGKILL', more: string[] = []): Promise<string> {
  const running = start(['run', ...args, '--json', ...more]);
  await running.shows('before the load: ');
  const dir = path.join(out, readdirSync(out).sort().at(-1) ?? '');
  process.kill(running.pid, signal);
  const { code, signal: killedBy, stderr } = await running.ended;
  if (signal === 'SIGKILL') expect(killedBy).toBe(signal);
  else {
    expect(code, stderr).toBe(EXIT.inconclusive);
    expect(stderr).toContain(`--resume ${dir}`);
  }
  return dir;
}

async function goOn(dir: string): Promise<JudgedRun> {
  const { stdout, stderr } = await start(['run', ...args, '--json', '--resume', dir]).ended;
  expect(stdout, stderr.slice(-2_000)).not.toBe('');
  return JSON.parse(stdout) as JudgedRun;
}

const verdictOf = ({ verdicts }: JudgedRun, check: string) =>
  verdicts.find((verdict) => verdict.check === check);

describe.skipIf(why !== null)('on a bare cluster', () => {
  beforeAll(async () => {
    await down();
    await up('--system', 'kalcifer');
    await deployByHand('kalcifer', 'lasting', 'quick');
  });
  afterAll(() => down());

  it('goes on after Ctrl-C, and accounts for every journey of both runs', async () => {
    const first = await cutShort('SIGTERM');
    // Once, whatever the machine does: the marks of a run that goes on cannot be given a second time.
    const run = await goOn(first);
    expect(verdictOf(run, 'journeys-accounted')?.verdict, red(run).join('\n')).toBe('pass');
    expect(verdictOf(run, 'no-acknowledged-write-lost')?.verdict, red(run).join('\n')).toBe('pass');
    const reason = verdictOf(run, 'journeys-accounted')?.reason ?? '';
    for (const runner of ['before', 'before-round-2'])
      expect(reason).toMatch(new RegExp(`${runner}: [1-9]\\d* ackn`));
    expect(readFileSync(path.join(run.runDir, 'ledger/before.log'), 'utf8')).toBe(
      readFileSync(path.join(first, 'ledger/before.log'), 'utf8'),
    );
    expect(await marksInCluster()).toEqual([]);
    const again = await start(['run', ...args, '--resume', first]).ended;
    expect(again.code).toBe(EXIT.usage);
    expect(again.stderr).toMatch(/another run has gone on with it already/);
  });

  it('goes on after kill -9, again and again, and says what nobody counted', async () => {
    const first = await cutShort('SIGKILL');
    const second = await cutShort('SIGTERM', ['--resume', first]);
    expect(readdirSync(path.join(second, 'ledger'))).toEqual(
      expect.arrayContaining(['before.log', 'before-round-2.log']),
    );
    const { code, stdout } = await start(['judge', second, '--json']).ended;
    expect(code).toBe(EXIT.inconclusive);
    expect(stdout).toMatch(/ledger\/before\.log: its writer left no count of its writes/);
    expect(await marksInCluster()).toEqual([]);
  });

  it('refuses a run of another size', async () => {
    const first = await cutShort('SIGTERM');
    const { code, stderr } = await start(['run', ...args, '--resume', first, '--journeys', '30000']).ended;
    expect(code).toBe(EXIT.usage);
    expect(stderr).toMatch(/--resume .*its before is .*--journeys/);
  });
});
