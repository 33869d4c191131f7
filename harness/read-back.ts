/**
 * Asks the system's store for everything it holds of this run and saves it beside the ledger. What cannot be read whole is
 * recorded as incomplete: a missing answer is never taken for a missing write. What is not there at the first look is looked for again.
 */
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { eventsOf } from '../analysis/load-view.ts';
import { splitStored } from '../analysis/stored-scan.ts';
import type { StoredRange } from '../record/contract.ts';
import { markOf } from '../record/model.ts';
import { openRun } from '../record/reader.ts';
import { reasonOf } from '../record/reason.ts';
import { OwedWrites } from './owed-writes.ts';
import { pause } from './pause.ts';
import type { Session } from './session.ts';

/** The system gets this long to finish what it accepted before the last answer, milliseconds. */
const SETTLE_WITHIN_MS = 20_000;
/** An acknowledged write that is not there this long after the end of the first look is not late any more, milliseconds. */
const LAGGING_WITHIN_MS = 30_000;
/** Before the third look; twice as long before each one after it. */
const FIRST_WAIT_MS = 2_000;
const RETRY_AFTER_MS = 1_000;
const ATTEMPTS = 3;
const FLUSH_CHARS = 64 * 1024;
const NEVER = new AbortController().signal;

/**
 * Never throws; the outcome is the last `readback` event. One look is enough where it misses nothing that was acknowledged and the system's own
 * count stood still over it. A run that was interrupted has one look left, once the system came to rest; where that misses something, the question
 * stays open. One that the harness ended itself waits for late writes like any other.
 */
export async function readBack(session: Session): Promise<void> {
  const { nowMs, signal } = session;
  session.enter('read-back');
  const owed = owedWrites(session);
  const before = await count(session);
  const ending = signal.aborted;
  let missing = ending ? null : await look(session, owed);
  let untilMs = nowMs() + LAGGING_WITHIN_MS;
  const after = await settle(session);
  const quiet = after !== null && after === before;
  if (ending || !quiet || (missing !== null && missing > 0)) missing = await look(session, owed);
  // That was its first look.
  if (ending) untilMs = nowMs() + LAGGING_WITHIN_MS;
  for (let waitMs = FIRST_WAIT_MS; missing !== null && missing > 0; waitMs *= 2) {
    const hurry = session.isAborted() ? NEVER : signal;
    if (hurry.aborted) {
      incomplete(session, `the run was ended while ${missing} acknowledged writes may still be late`);
      return;
    }
    if (nowMs() >= untilMs) return;
    await pause(Math.min(waitMs, untilMs - nowMs()), hurry);
    missing = await look(session, owed);
  }
}

/** Null, with a note, where the ledgers cannot be read: then nobody can say that a write is missing. */
function owedWrites({ dir, writer }: Session): OwedWrites | null {
  try {
    return new OwedWrites(dir);
  } catch (error) {
    writer.emit({ kind: 'note', text: `late writes are not told apart from lost ones: ${reasonOf(error)}` });
    return null;
  }
}

/**
 * One look, tried again where it fails unless the run is to end, and its event. Returns how many acknowledged writes it did not see; null where
 * that cannot be said.
 */
async function look(session: Session, owed: OwedWrites | null): Promise<number | null> {
  const { writer, nowMs, signal } = session;
  let why = '';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const fromMs = nowMs();
    try {
      const { runners, writes, strange } = await save(session);
      const toMs = nowMs();
      const seen = owed?.compare(runners) ?? null;
      writer.emit({
        kind: 'readback',
        fromMs,
        toMs,
        complete: true,
        why: `attempt ${attempt}`,
        runners,
        ...seen,
      });
      writer.emit({ kind: 'note', text: `the store holds ${writes} writes of this run` });
      if (strange !== null)
        writer.emit({
          kind: 'note',
          text: `the store holds ${strange}, which no ledger can hold: it counts as a write that nobody made`,
        });
      return seen?.absent ?? null;
    } catch (error) {
      why = reasonOf(error);
      await pause(RETRY_AFTER_MS, signal);
      if (signal.aborted) break;
    }
  }
  incomplete(session, why);
  return null;
}

/** The last word on what is stored: it is not known. */
function incomplete({ writer, nowMs }: Session, why: string): void {
  writer.emit({ kind: 'readback', fromMs: nowMs(), toMs: nowMs(), complete: false, why, runners: [] });
}

/** Points of this run by the system's own count, `no count` where it has none, null where it does not answer. */
async function count({ platform, contract, plan }: Session): Promise<number | 'no count' | null> {
  const query = { url: platform.loadUrl(), runId: markOf(plan), secrets: platform.secrets() };
  try {
    return (await contract.countPoints(query)) ?? 'no count';
  } catch {
    return null;
  }
}

/** Waits until the system's own count stands still for two answers, and returns it: what is on its way is late, not lost. Null = it did not. */
async function settle(session: Session): Promise<number | null> {
  const { writer, nowMs } = session;
  const untilMs = nowMs() + SETTLE_WITHIN_MS;
  let before: number | null = null;
  while (nowMs() < untilMs) {
    const now = await count(session);
    if (now === 'no count') return null;
    if (now !== null && now === before) {
      writer.emit({ kind: 'note', text: `the system's own query counts ${now} points of this run` });
      return now;
    }
    before = now;
    await pause(RETRY_AFTER_MS, AbortSignal.timeout(5_000));
  }
  writer.emit({
    kind: 'note',
    text: `the system's own count did not come to rest within ${SETTLE_WITHIN_MS / 1_000} s`,
  });
  return null;
}

/** Writes what the store holds to `ledger/<runner>.stored`; the `end` of each file comes only after the whole answer. Throws for an answer that cannot be. */
async function save({
  platform,
  contract,
  dir,
  plan,
}: Session): Promise<{ runners: string[]; writes: number; strange: string | null }> {
  const ledger = path.join(dir, 'ledger');
  const known = new Set(
    readdirSync(ledger).flatMap((name) => (name.endsWith('.log') ? [name.slice(0, -'.log'.length)] : [])),
  );
  const files = new Map<string, { fd: number; pending: string }>();
  let writes = 0;
  let strange: string | null = null;
  try {
    const asked = { storeEnv: platform.storeEnv(), runId: markOf(plan), pointsPerWrite: pointsOfWrites(dir) };
    for await (const range of contract.readBack(asked)) {
      const split = splitStored(range);
      if (split === null)
        throw new Error(`the store answered ${wordsOf(range)}, which is no range of writes`);
      if (split.beyond !== null) strange ??= wordsOf(range);
      for (const part of [split.within, split.beyond]) {
        if (part === null) continue;
        // The runner's name came back from the system under test: it must choose neither where a file is written, nor how many are.
        const runner = part === split.within && known.has(part.runner) ? part.runner : 'foreign';
        const file = files.get(runner) ?? {
          fd: openSync(path.join(ledger, `${runner}.stored`), 'w'),
          pending: '',
        };
        files.set(runner, file);
        const { vu, from, to, copies, form = '' } = part;
        if (form !== 'part') writes += (to - from + 1) * copies;
        file.pending += `${vu}:${from}-${to}${copies === 1 ? '' : ` x${copies}`}${form && ` ${form}`}\n`;
        if (file.pending.length > FLUSH_CHARS) flush(file);
      }
    }
    for (const file of files.values()) {
      file.pending += 'end\n';
      flush(file);
    }
  } finally {
    for (const { fd } of files.values()) closeSync(fd);
  }
  return { runners: [...files.keys()], writes, strange };
}

/** Of each runner that the history tells of: a system may have counted fewer than it was sent. */
function pointsOfWrites(dir: string): Map<string, number> {
  const started = eventsOf(openRun(dir).events, 'load.started');
  return new Map(started.map(({ runner, pointsPerWrite }) => [runner, pointsPerWrite]));
}

function wordsOf({ vu, from, to, copies }: StoredRange): string {
  return `${vu}:${from}-${to} x${copies}`;
}

function flush(file: { fd: number; pending: string }): void {
  writeSync(file.fd, file.pending);
  file.pending = '';
}
