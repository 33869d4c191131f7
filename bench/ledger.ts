/**
 * Judging a big ledger: ten and a hundred million writes with gaps, unknown ones, 100 planted losses and 100 planted duplicates, in a process
 * of its own. Beside it, a million writes by way of a set of strings, the obvious way to do it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { recordOf } from '../analysis/testing.ts';
import { buildView } from '../analysis/view.ts';
import { formatLedgerLine, type LedgerLine } from '../record/ledger.ts';
import { openRun } from '../record/reader.ts';
import { builtFile } from '../record/root.ts';
import { RunWriter } from '../record/writer.ts';

const CHILD = 'judge-a-ledger';
const VUS = 2_000;
const RATE_PER_S = 5_000;
const PLANTED = 100;
/** The largest case, and what judging it may take on two cores. */
const MOST_WRITES = 100_000_000;
const LIMIT_S = 60;
const LIMIT_MB = 1_024;
/** Its ledger has 2.4 GB, and whoever else writes to the disk meanwhile must not run out of it. */
const NEEDED_BYTES = 6 * 2 ** 30;
/** Of every hundredth part of the writes, the one with this number is planted. */
const LOST_AT = 12;
const TWICE_AT = 34;

interface Answer {
  lost: string[];
  duplicated: string[];
  seconds: number;
  peakMb: number;
}

/** Prints what was measured; throws when a planted write was not named, or one was named that was not planted. */
export async function run(): Promise<void> {
  const small = await measure(1_000_000, ['set', 'bits']);
  const { set, bits } = small;
  if (!set || !bits) throw new Error('bench/ledger: a measurement is missing');
  await judgeBig(10_000_000);
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize >= NEEDED_BYTES) await judgeBig(MOST_WRITES, { seconds: LIMIT_S, peakMb: LIMIT_MB });
  else
    console.log(
      `ledger: ${figure(MOST_WRITES)} writes: skipped, ${tmpdir()} has ${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free and ${NEEDED_BYTES / 2 ** 30} are needed`,
    );
  console.log(
    `ledger: 1,000,000 writes: ${bits.seconds.toFixed(2)} s and ${bits.peakMb} MB; with a set of strings ${set.seconds.toFixed(2)} s and ${set.peakMb} MB (${(set.seconds / bits.seconds).toFixed(1)} x the time, ${(set.peakMb / bits.peakMb).toFixed(1)} x the memory)`,
  );
}

async function judgeBig(writes: number, limit?: { seconds: number; peakMb: number }): Promise<void> {
  const { bits } = await measure(writes, ['bits']);
  if (!bits) throw new Error('bench/ledger: a measurement is missing');
  const met = (what: 'seconds' | 'peakMb', unit: string) =>
    limit ? ` (limit ${limit[what]} ${unit}: ${bits[what] <= limit[what] ? 'met' : 'missed'})` : '';
  console.log(
    `ledger: ${figure(writes)} writes judged in ${bits.seconds.toFixed(1)} s${met('seconds', 's')}, peak ${bits.peakMb} MB${met('peakMb', 'MB')}, all ${PLANTED} losses and ${PLANTED} duplicates named`,
  );
}

function figure(count: number): string {
  return count.toLocaleString('en-US');
}

async function measure(writes: number, ways: string[]): Promise<Record<string, Answer>> {
  const dir = mkdtempSync(path.join(tmpdir(), 'proofload-bench-'));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  // Gigabytes must not stay behind a Ctrl-C.
  const interrupted = () => {
    remove();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  try {
    const planted = writeRun(dir, writes);
    const answers: Record<string, Answer> = {};
    for (const way of ways) {
      const answer = await ask(dir, way);
      expectSame('losses', planted.lost, answer.lost);
      expectSame('duplicates', planted.duplicated, answer.duplicated);
      answers[way] = answer;
    }
    return answers;
  } finally {
    process.off('SIGINT', interrupted);
    remove();
  }
}

function expectSame(what: string, planted: string[], found: string[]): void {
  if (planted.length !== PLANTED || planted.toSorted().join() !== found.toSorted().join())
    throw new Error(
      `bench/ledger: planted ${planted.length} ${what}, and these were named: ${found.join(', ')}`,
    );
}

async function ask(dir: string, way: string): Promise<Answer> {
  const child = fork(builtFile('bench/ledger.ts'), [CHILD, way, dir], { execArgv: [] });
  const exited = once(child, 'exit');
  const answered = once(child, 'message') as Promise<[Answer]>;
  await Promise.race([answered, exited]);
  const [code] = (await exited) as [number | null];
  if (code !== 0) throw new Error(`bench/ledger: the judging process ended with ${code}`);
  return (await answered)[0];
}

/** Null = it left no line. What may be planted is acknowledged. */
function outcomeOf(index: number): LedgerLine['outcome'] | null {
  if (index % 10_000 === LOST_AT || index % 10_000 === TWICE_AT) return 'A';
  if (index % 10_007 === 5) return null;
  if (index % 1_009 === 3) return 'U';
  return index % 5_003 === 2 ? 'F' : 'A';
}

function writeRun(dir: string, writes: number): { lost: string[]; duplicated: string[] } {
  const forMs = (writes / RATE_PER_S) * 1_000;
  const writer = new RunWriter(dir, () => 0);
  writer.plan(recordOf({}).plan);
  writer.emit({ kind: 'run.started', runId: 'bench', wallMs: 0 });
  const load = { runner: 'load', ratePerS: RATE_PER_S, pointsPerWrite: 100, vus: VUS };
  writer.emit({ ...load, kind: 'load.started', wallMs: 0, warmupMs: 0, forMs, judged: true });
  const read = { fromMs: forMs * 2, toMs: forMs * 2, complete: true, why: '', runners: ['load'] };
  writer.emit({ ...read, kind: 'readback', at: forMs * 2 });
  writer.emit({ kind: 'run.ended', interrupted: false, at: forMs * 2 });
  writer.close();
  mkdirSync(path.join(dir, 'ledger'), { recursive: true });
  writeText(path.join(dir, 'ledger', 'load.log'), linesOf(writes));
  const planted = { lost: [], duplicated: [] };
  writeText(path.join(dir, 'ledger', 'load.stored'), storedOf(writes, planted));
  return planted;
}

function* linesOf(writes: number): Generator<string> {
  const periodMs = 1_000 / RATE_PER_S;
  for (let index = 0; index < writes; index += 1) {
    const outcome = outcomeOf(index);
    if (outcome === null) continue;
    const status = outcome === 'A' ? 200 : outcome === 'F' ? 503 : 0;
    yield formatLedgerLine({
      outcome,
      vu: (index % VUS) + 1,
      n: Math.floor(index / VUS) + 1,
      dueMs: Math.round(index * periodMs),
      latMs: 3 + (index % 40),
      lagMs: index % 2,
      status,
      code: outcome === 'U' ? 1050 : 0,
      attempts: outcome === 'A' ? 1 : 3,
    });
  }
}

function* storedOf(writes: number, planted: { lost: string[]; duplicated: string[] }): Generator<string> {
  const perVu = writes / VUS;
  const every = writes / PLANTED;
  for (let vu = 1; vu <= VUS; vu += 1) {
    let from = 0;
    for (let n = 1; n <= perVu + 1; n += 1) {
      const index = (n - 1) * VUS + vu - 1;
      const outcome = n > perVu ? 'F' : outcomeOf(index);
      const lost = index < writes && index % every === LOST_AT;
      const twice = index < writes && index % every === TWICE_AT;
      if (lost) planted.lost.push(`load/${vu}:${n}`);
      if (twice) planted.duplicated.push(`load/${vu}:${n}`);
      const held = outcome === 'A' ? !lost : outcome !== 'F' && index % 2 === 0;
      if (held && from === 0) from = n;
      if (!held && from > 0) {
        yield `${vu}:${from}-${n - 1}`;
        from = 0;
      }
      if (twice) yield `${vu}:${n}-${n}`;
    }
  }
  yield 'end';
}

function writeText(file: string, lines: Iterable<string>): void {
  const descriptor = openSync(file, 'w');
  let text = '';
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length > 1 << 20) {
      writeSync(descriptor, text);
      text = '';
    }
  }
  writeSync(descriptor, text);
  closeSync(descriptor);
}

function byBits(dir: string): Pick<Answer, 'lost' | 'duplicated'> {
  const { account } = buildView(openRun(dir), PLANTED * 10);
  const ids = ({ named }: { named: { id: string }[] }) => named.map(({ id }) => id);
  return { lost: ids(account.lost), duplicated: ids(account.duplicated) };
}

function bySet(dir: string): Pick<Answer, 'lost' | 'duplicated'> {
  const lines = (name: string) => readFileSync(path.join(dir, 'ledger', name), 'utf8').split('\n');
  const stored = new Map<string, number>();
  for (const line of lines('load.stored')) {
    const [, vu, from, to] = /^(\d+):(\d+)-(\d+)/.exec(line) ?? [];
    for (let n = Number(from); n <= Number(to); n += 1)
      stored.set(`load/${vu}:${n}`, (stored.get(`load/${vu}:${n}`) ?? 0) + 1);
  }
  const acknowledged = new Set<string>();
  for (const line of lines('load.log')) {
    const [outcome, id] = line.split(' ');
    if (outcome === 'A') acknowledged.add(`load/${id}`);
  }
  return {
    lost: [...acknowledged].filter((id) => !stored.has(id)),
    duplicated: [...stored].filter(([, copies]) => copies > 1).map(([id]) => id),
  };
}

/** The high-water mark of this process alone: what getrusage tells may be that of the process which started it. */
function peakMb(): number {
  const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Math.round(Number(found?.[1] ?? process.resourceUsage().maxRSS) / 1_024);
}

if (process.argv[2] === CHILD && process.send !== undefined) {
  const [, , , way, dir = ''] = process.argv;
  const began = performance.now();
  const found = way === 'set' ? bySet(dir) : byBits(dir);
  const answer: Answer = { ...found, seconds: (performance.now() - began) / 1_000, peakMb: peakMb() };
  process.send(answer, () => process.disconnect());
}
