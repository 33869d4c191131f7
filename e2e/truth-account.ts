/**
 * Whom the files of a finished run accuse, all of them. Read without the analysis and as plainly as can be, a set of `<runner> <vu> <n>` for
 * each accusation, so that a mistake in the verdict's own arithmetic shows. For runs of some ten thousand writes: everything is in memory.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const LOG = /^([a-z0-9-]{1,64})\.log$/;
const WRITE = /^([AFUT]) (\d+):(\d+) /;
const RANGE = /^(\d+):(\d+)-(\d+)(?: x(\d+))?(?: ([a-z-]+))?$/;
/** Numbers of one range; the runs that are read here have less in all. */
const MAX_RANGE = 1_000_000;

export interface Account {
  acknowledged: Set<string>;
  /** An attempt of it got no answer that the contract names: what that attempt met need not be what the acknowledged one met. */
  retried: Set<string>;
  /** Acknowledged, and not stored. */
  lost: Set<string>;
  /** Stored more than once, however it ended. */
  doubled: Set<string>;
  /** Acknowledged, and without a state or in a broken one; empty where the system tells no states. */
  unaccounted: Set<string>;
}

/** Throws when a file of the ledger is cut short or has a line that is none. */
export function accountOf(runDir: string): Account {
  const folder = path.join(runDir, 'ledger');
  const account: Account = {
    acknowledged: new Set(),
    retried: new Set(),
    lost: new Set(),
    doubled: new Set(),
    unaccounted: new Set(),
  };
  for (const name of readdirSync(folder)) {
    const runner = LOG.exec(name)?.[1];
    if (runner !== undefined) addRunner(account, folder, runner);
  }
  return account;
}

function addRunner(account: Account, folder: string, runner: string): void {
  const log = path.join(folder, `${runner}.log`);
  const acknowledged: string[] = [];
  for (const line of linesOf(log)) {
    if (line.startsWith('# ')) continue;
    const [, letter, vu, n] = WRITE.exec(line) ?? [];
    if (letter === undefined) throw new Error(`${log}: "${line}" is no line of a write`);
    if (letter === 'A') acknowledged.push(`${runner} ${vu} ${n}`);
    if (letter === 'T') account.retried.add(`${runner} ${vu} ${n}`);
  }
  const { values: copies } = rangesOf(path.join(folder, `${runner}.stored`), runner);
  const { values: states, broken } = rangesOf(path.join(folder, `${runner}.states`), runner);
  for (const [id, count] of copies) if (Number(count) > 1) account.doubled.add(id);
  for (const id of acknowledged) {
    account.acknowledged.add(id);
    if (!copies.has(id)) account.lost.add(id);
    const state = states.get(id);
    if (broken !== null && (state === undefined || broken.has(state))) account.unaccounted.add(id);
  }
}

/** What a `.stored` or `.states` says of each write, and the states that it calls broken; nothing when there is no such file. */
function rangesOf(file: string, runner: string): { values: Map<string, string>; broken: Set<string> | null } {
  const values = new Map<string, string>();
  if (!existsSync(file)) return { values, broken: null };
  let broken: Set<string> | null = null;
  const lines = linesOf(file);
  if (lines.pop() !== 'end') throw new Error(`${file}: its last line is not "end": it is cut short`);
  for (const line of lines) {
    if (line.startsWith('# broken')) broken = new Set(line.split(' ').slice(2));
    if (line.startsWith('# ')) continue;
    const [, vu, from, to, copies = '1', word = ''] = RANGE.exec(line) ?? [];
    if (Number.isNaN(Number(from)) || Number(to) - Number(from) >= MAX_RANGE)
      throw new Error(`${file}: "${line}" is no range of writes`);
    // Of a `.stored`: a part is no write, and a dead letter of what is there as well no second copy.
    if (word === 'part') continue;
    for (let n = Number(from); n <= Number(to); n += 1) {
      const id = `${runner} ${vu} ${n}`;
      if (word !== 'dead') values.set(id, word === '' ? copies : word);
      else if (!values.has(id)) values.set(id, copies);
    }
  }
  return { values, broken };
}

function linesOf(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const rest = lines.pop();
  if (rest !== '') throw new Error(`${file}: its last line is torn`);
  return lines;
}
