/**
 * What the ledger costs the load generator: the same writes with their ledger lines and without, as fast as one core of k6 sends them
 * to a sink on another core. Ratios within one run of this program, so that they mean the same on any machine: of writes per second, and
 * of writes per CPU second of k6, which stands still when a neighbour takes some of the core.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bundleScript } from '../harness/bundle.ts';
import { onPath } from '../harness/engines/version.ts';
import { k6Command } from '../harness/load.ts';
import { readSummary } from '../harness/load-end.ts';
import { builtFile } from '../record/root.ts';

/** With the ledger, k6 should make at least this share of the writes per CPU second that it makes without. */
const TARGET = 0.9;
const VUS = 8;
const POINTS = 100;
const FOR_MS = 8_000;
const ROUNDS = 5;
/** A-B-B-A: a machine that gets slower or faster all along cancels out. */
const ORDER = ['on', 'off', 'off', 'on'] as const;
const RUN_LIMIT_MS = 60_000;

/** One figure of each round. */
interface Round {
  withPerS: number;
  withoutPerS: number;
  withPerCpuS: number;
  withoutPerCpuS: number;
}

/** Prints what was measured, in about three minutes. Throws when k6 fails, with the end of what it said. */
export async function run(
  k6Path: string,
  { forMs = FOR_MS, rounds: count = ROUNDS }: { forMs?: number; rounds?: number } = {},
): Promise<void> {
  const [taskset] = onPath('taskset');
  const pinned = taskset !== undefined && os.cpus().length >= 2;
  const pin = (core: number, command: string[]) =>
    pinned ? [taskset, '-c', String(core), ...command] : command;

  const dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-bench-'));
  const sink = await startSink(pin(1, [process.execPath, builtFile('bench/null-sink.ts'), String(POINTS)]));
  try {
    const scriptJs = await bundleScript('bench-write', dir);
    const rounds: Round[] = [];
    for (let round = 0; round < count; round += 1) {
      const writes = { on: 0, off: 0 };
      const cpuS = { on: 0, off: 0 };
      for (const [index, ledger] of ORDER.entries()) {
        const name = `${round}-${index}`;
        const summaryFile = path.join(dir, `${name}.json`);
        const ledgerFile = path.join(dir, `${name}.log`);
        const { args, env } = k6Command({
          scriptJs,
          runner: 'bench',
          runId: 'bench',
          ledgerFile,
          summaryFile,
          env: { URL: sink.url, POINTS: String(POINTS), TIMEOUT_MS: '5000', LEDGER: ledger },
          ratePerS: 1,
          vus: VUS,
          forMs,
        });
        cpuS[ledger] += await complete(pin(0, [k6Path, ...args]), env);
        const { iterations } = readSummary(summaryFile);
        if (iterations === null || iterations === 0) throw new Error('k6 counted no writes');
        // One line for each write and one for the anchor, or none at all: else something else is compared than what is said.
        const lines = readFileSync(ledgerFile, 'latin1').split('\n').length - 1;
        const expected = ledger === 'on' ? iterations + 1 : 0;
        if (lines < expected || (expected === 0 && lines > 0)) {
          throw new Error(`${lines} ledger lines of ${iterations} writes with the ledger ${ledger}`);
        }
        writes[ledger] += iterations;
      }
      const elapsedS = (2 * forMs) / 1_000;
      rounds.push({
        withPerS: writes.on / elapsedS,
        withoutPerS: writes.off / elapsedS,
        withPerCpuS: writes.on / cpuS.on,
        withoutPerCpuS: writes.off / cpuS.off,
      });
    }
    print(rounds, forMs, pinned);
  } finally {
    sink.child.stdin?.end();
    rmSync(dir, { recursive: true, force: true });
  }
}

function print(rounds: Round[], forMs: number, pinned: boolean): void {
  const figures = (pick: (round: Round) => [number, number]) => {
    const ratios = rounds.map((round) => pick(round)[0] / pick(round)[1]);
    const [on, off] = [
      median(rounds.map((each) => pick(each)[0])),
      median(rounds.map((each) => pick(each)[1])),
    ];
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    return {
      ratio: median(ratios),
      text: `${Math.round(on)} against ${Math.round(off)}, ratio ${median(ratios).toFixed(2)} (${spread})`,
    };
  };
  const perCpuS = figures(({ withPerCpuS, withoutPerCpuS }) => [withPerCpuS, withoutPerCpuS]);
  const perS = figures(({ withPerS, withoutPerS }) => [withPerS, withoutPerS]);
  const target = `target ${TARGET}: ${perCpuS.ratio >= TARGET ? 'met' : 'missed'}`;
  console.log(
    `k6: with its ledger against without, ${POINTS} points a write, medians of ${rounds.length} rounds of 4 x ${forMs / 1_000} s:`,
  );
  console.log(`k6: writes per CPU second ${perCpuS.text}; ${target}`);
  console.log(`k6: writes per second ${perS.text}`);
  if (!pinned) console.log('k6: not pinned to a core (taskset or a second CPU is missing): expect noise');
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

async function startSink([program = '', ...args]: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim()));
    child.once('error', reject);
    child.once('exit', (exitCode) => reject(new Error(`the sink ended with ${exitCode} at its start`)));
  });
  return { child, url: `http://127.0.0.1:${port}/` };
}

/** Runs a command to its end and returns the CPU seconds it took; throws with the end of what it said when it fails. */
async function complete(command: string[], env: NodeJS.ProcessEnv): Promise<number> {
  // The shell's `times` is the one way to a child's CPU time that is the same on every system.
  const child = spawn('/bin/sh', ['-c', '"$@" >&2 || exit; times', 'sh', ...command], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_LIMIT_MS,
  });
  let times = '';
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    times += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-2_000);
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) =>
      exitCode === 0 ? resolve() : reject(new Error(`k6 ended with ${exitCode ?? signal}: ${said.trim()}`)),
    );
  });
  // `0m0.00s 0m0.00s` of the shell itself, and a second line for its children: user and system.
  const [, children = ''] = times.split('\n');
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}
