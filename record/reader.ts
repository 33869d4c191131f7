/**
 * Opens a run directory for reading: the other half of `writer.ts`. Small files are read and checked here; ledgers, which may have
 * gigabytes, are handed on as chunks of bytes that can be read again and again.
 */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { Event, Plan, SCHEMA_VERSION, UsageError } from './model.ts';
import { reasonOf } from './reason.ts';
import { watchGaps } from './watch-gaps.ts';
import { parseWatchLine, WATCH_FILE, type WatchLine } from './watch-log.ts';

const CHUNK_BYTES = 256 * 1024;
/** The writer keeps an event below 64 KiB; what is longer than this was not written by it. */
const MAX_LINE_BYTES = 1024 * 1024;
const MAX_PLAN_BYTES = 4 * 1024 * 1024;
const LEDGER_FILE = /^([a-z0-9-]{1,64})\.(log|stored|states)$/;
/** Damaged lines named one by one; the rest is counted. */
const MAX_NAMED = 5;

export interface LedgerFile {
  runner: string;
  /** From the start, every time it is called. A chunk is valid until the next one is asked for. */
  chunks: () => Iterable<Uint8Array>;
}

export interface RunRecord {
  plan: Plan;
  /** In the order in which they were written; then, as gaps, what the watch log itself shows to be missing in it. */
  events: Event[];
  /** `ledger/<runner>.log`, `.stored` and `.states`; the formats are in `ledger.ts`. */
  logs: LedgerFile[];
  stored: LedgerFile[];
  states: LedgerFile[];
  /** Changes of the cluster's objects, from the start, every time it is called; none where no cluster was watched. */
  watch: () => Iterable<WatchLine>;
  /** What was dropped or could not be understood while reading. */
  remarks: string[];
  /** Lines of history.jsonl that are no events, by number from 1 (the first of them); a torn last line is not among them. */
  damaged: { count: number; lines: number[] };
}

/** Throws UsageError when the folder is no run directory, or one of another version. */
export function openRun(dir: string): RunRecord {
  const plan = readPlan(dir);
  const history = path.join(dir, 'history.jsonl');
  requirePlainFile(dir, 'history.jsonl');
  const { events, remarks, damaged } = readHistory(history);
  const ledger = path.join(dir, 'ledger');
  const files: Record<string, LedgerFile[]> = { log: [], stored: [], states: [] };
  const kind = lstatSync(ledger, { throwIfNoEntry: false });
  if (kind && !kind.isDirectory()) throw new UsageError(`${ledger}: expected a folder of ledgers`);
  for (const name of kind ? readdirSync(ledger).sort() : []) {
    const [, runner, ending = ''] = LEDGER_FILE.exec(name) ?? [];
    if (runner === undefined) {
      remarks.push(`ledger/${name}: not <runner>.log, .stored or .states, not read`);
      continue;
    }
    const file = path.join(ledger, name);
    requirePlainFile(dir, path.join('ledger', name));
    files[ending]?.push({ runner, chunks: () => chunksOf(file) });
  }
  const told = toldIn(dir);
  return {
    plan,
    events: [...events, ...watchGaps(told(), events)],
    logs: files['log'] ?? [],
    stored: files['stored'] ?? [],
    states: files['states'] ?? [],
    watch: function* watch() {
      for (const line of told()) if (typeof line !== 'string') yield line;
    },
    remarks,
    damaged,
  };
}

function readPlan(dir: string): Plan {
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) throw notARun(dir, 'plan.json');
  const file = path.join(dir, 'plan.json');
  requirePlainFile(dir, 'plan.json');
  const { size } = statSync(file);
  if (size > MAX_PLAN_BYTES)
    throw new UsageError(`${file}: ${size} bytes; a plan has less than ${MAX_PLAN_BYTES}`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file}: not JSON (${reasonOf(error)}); the run cannot be judged`);
  }
  const version = z.looseObject({ schemaVersion: z.unknown() }).safeParse(content).data?.schemaVersion;
  if (version !== SCHEMA_VERSION) {
    throw new UsageError(
      `${file}: written with schemaVersion ${JSON.stringify(version) ?? 'none'}, and this proofload reads ${SCHEMA_VERSION}; judge it with the version that recorded it`,
    );
  }
  const parsed = Plan.safeParse(content);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, MAX_NAMED);
  throw new UsageError(
    issues.map((issue) => `${file}: ${issue.path.map(String).join('.')}: ${issue.message}`).join('\n'),
  );
}

/** A folder or a pipe of that name would end in a crash or in waiting for ever, and a link may lead anywhere. */
function requirePlainFile(dir: string, name: string): void {
  const kind = lstatSync(path.join(dir, name), { throwIfNoEntry: false });
  if (!kind) throw notARun(dir, name);
  if (!kind.isFile())
    throw new UsageError(`${path.join(dir, name)}: expected a plain file; the run cannot be judged`);
}

function notARun(dir: string, missing: string): UsageError {
  return new UsageError(
    `${dir}: not a run directory (it has no ${missing}); a run directory is a folder that "proofload run" made`,
  );
}

function readHistory(file: string): Pick<RunRecord, 'events' | 'remarks' | 'damaged'> {
  const events: Event[] = [];
  const remarks: string[] = [];
  const damaged: RunRecord['damaged'] = { count: 0, lines: [] };
  for (const { number, text, whole } of linesOf(file)) {
    const event = parseEvent(text);
    if (!whole) {
      remarks.push(`history.jsonl:${number}: the last line is torn and was dropped`);
    } else if (typeof event === 'string') {
      damaged.count += 1;
      if (damaged.count > MAX_NAMED) continue;
      damaged.lines.push(number);
      remarks.push(`history.jsonl:${number}: not an event, left out (${event})`);
    } else events.push(event);
  }
  if (damaged.count > MAX_NAMED)
    remarks.push(`history.jsonl: ${damaged.count - MAX_NAMED} more lines are no events`);
  return { events, remarks, damaged };
}

/** An event, or why it is none. */
function parseEvent(text: string): Event | string {
  try {
    const parsed = Event.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    return issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'unknown';
  } catch {
    return 'not JSON';
  }
}

/** The lines of the watch log, from the start, every time it is called: each read, or why it is none. */
function toldIn(dir: string): () => Iterable<WatchLine | string> {
  const file = path.join(dir, WATCH_FILE);
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return () => [];
  requirePlainFile(dir, WATCH_FILE);
  return function* told() {
    for (const { text, whole } of linesOf(file)) yield whole ? parseWatchLine(text) : 'torn';
  };
}

function* linesOf(file: string): Generator<{ number: number; text: string; whole: boolean }> {
  let number = 1;
  let pending: Uint8Array[] = [];
  let length = 0;
  const take = (): string => {
    const text = length > MAX_LINE_BYTES ? '' : Buffer.concat(pending).toString('utf8');
    pending = [];
    length = 0;
    return text;
  };
  const keep = (part: Uint8Array) => {
    length += part.length;
    if (length <= MAX_LINE_BYTES) pending.push(Uint8Array.prototype.slice.call(part));
  };
  for (const chunk of chunksOf(file)) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      keep(chunk.subarray(from, end));
      yield { number, text: take(), whole: true };
      number += 1;
      from = end + 1;
    }
    if (from < chunk.length) keep(chunk.subarray(from));
  }
  if (length > 0) yield { number, text: take(), whole: false };
}

/** One buffer is filled again and again: memory does not grow with the file. */
function* chunksOf(file: string): Generator<Uint8Array> {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const bytes = readSync(descriptor, buffer);
      if (bytes === 0) return;
      yield buffer.subarray(0, bytes);
    }
  } finally {
    closeSync(descriptor);
  }
}
