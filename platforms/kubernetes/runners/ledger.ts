/** Takes a runner's log apart: ledger lines into its ledger, its summary into a file of its own, the rest into its log file. */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { type AttemptLine, formatAnchorLine, parseAttemptLine } from '../../../record/ledger.ts';
import type { Redact } from '../../../record/writer.ts';
import type { SeenWrite } from './seconds.ts';

/** What is not of the ledger: a failed request leaves a line each. */
const MAX_LOG_BYTES = 16 * 2 ** 20;
/** This machine reads a line after it was written, and times are rounded: an anchor is believed when it is this little outside, milliseconds. */
const ANCHOR_SLACK_MS = 10;

/** record/ledger.ts. A line that was cut off does not match: its write stays without a line, and so unknown. */
const WRITE =
  /^(?:A|[AFU](?= \S+ \S+ \S+ \S+ \S+ \S+ \S+$)) (\d{1,10}):(\d{1,10}) (-?\d+(?:\.\d+)?) (-?\d+(?:\.\d+)?) (-?\d+(?:\.\d+)?)(?: \d+ \d+ \d+)?$/;
const ANCHOR = /^# anchor (\d{10,15})$/;
/** k6 ends it without a line feed, so its last words may stand behind it. */
const SUMMARY = /^(\{"iterations":[^{}]*\})(.*)$/;
/** Written by scenarios/k6/lib/summary.ts. */
const Summary = z.object({
  iterations: z.number().int().nonnegative(),
  dropped_iterations: z.number().int().nonnegative(),
});

export interface RunnerFiles {
  /** Made here; must not exist yet, since a ledger is written once. */
  ledgerFile: string;
  logFile: string;
  summaryFile: string;
}

export class RunnerLedger {
  iterations: number | null = null;
  dropped: number | null = null;
  /** Writes that have a line. */
  writes = 0;
  readonly #files: RunnerFiles;
  readonly #onWrite: (write: SeenWrite) => void;
  readonly #redact: Redact;
  readonly #ledger: number;
  readonly #log: number;
  readonly #seen = new Map<number, Numbers>();
  /** Of a write that has no line yet: when its last failed attempt began, by its identity. */
  readonly #attempted = new Map<string, number>();
  #logBytes = 0;
  #ownAnchorMs: number | null = null;
  /** The schedule cannot have begun later, by this machine's clock. */
  #latestAnchorMs = Number.POSITIVE_INFINITY;
  /** Last of what is no ledger line, for the words of a failure. */
  #said = '';
  /** As it was first told, and the earliest that it can have been, where that is known; null = nobody asked yet. */
  #anchor: { wallMs: number; earliestMs: number | null } | null = null;

  /** Throws when a file cannot be made. */
  constructor(files: RunnerFiles, onWrite: (write: SeenWrite) => void, redact: Redact) {
    this.#files = files;
    this.#onWrite = onWrite;
    this.#redact = redact;
    this.#ledger = openSync(files.ledgerFile, 'wx');
    this.#log = openSync(files.logFile, 'a');
  }

  get said(): string {
    return this.#said;
  }

  /** One line of the runner's log; may be told again after a connection broke. `nowMs` = this machine's wall clock. */
  take(line: string, nowMs: number): void {
    const write = WRITE.exec(line);
    if (write) {
      this.#takeWrite(line, write, nowMs);
      return;
    }
    const attempt = parseAttemptLine(line);
    if (attempt !== null) {
      this.#takeAttempt(line, attempt);
      return;
    }
    const anchor = ANCHOR.exec(line);
    if (anchor) {
      this.#ownAnchorMs ??= Number(anchor[1]);
      return;
    }
    const [, summary = '', rest = line] = SUMMARY.exec(line) ?? [];
    if (summary !== '' && this.#takeSummary(summary)) {
      if (rest !== '') this.#takeOther(rest);
    } else this.#takeOther(line);
  }

  /**
   * Start of the schedule on this machine's wall clock: the runner's own word where it lies between the release and the first write that
   * was seen to end, else the bound it crosses; a node's clock may be wrong. Null when nothing is known. Its line is written once it is asked.
   */
  anchor(released: { sentMs: number; answeredMs: number } | null): { wallMs: number; offMs: number } | null {
    const latestMs = this.#latestAnchorMs;
    const earliestMs = Math.min(released?.sentMs ?? Number.NEGATIVE_INFINITY, latestMs);
    const guessMs = this.#ownAnchorMs ?? released?.answeredMs ?? latestMs;
    if (!Number.isFinite(guessMs)) return null;
    const insideMs = Math.min(latestMs, Math.max(earliestMs, guessMs));
    const offMs = Math.abs(guessMs - insideMs) <= ANCHOR_SLACK_MS ? 0 : Math.round(guessMs - insideMs);
    const wallMs = Math.round(offMs === 0 ? guessMs : insideMs);
    if (this.#anchor === null) writeSync(this.#ledger, `${formatAnchorLine(wallMs)}\n`);
    this.#anchor ??= { wallMs, earliestMs: released?.sentMs ?? null };
    return { wallMs, offMs: this.#ownAnchorMs === null ? 0 : offMs };
  }

  /**
   * The anchor that was told against all that was seen since, milliseconds: how far it may be off, and by how much a write ended before it allows
   * (its clock drifts, or is off by less than could be seen at the start); 0 = none did. Without the moment of its release nothing bounds it from
   * below, and only a contradiction says how far it is off. Null when no anchor was told, or nothing is known of it.
   */
  anchorError(): { boundMs: number; lateMs: number } | null {
    if (this.#anchor === null || !Number.isFinite(this.#latestAnchorMs)) return null;
    const { wallMs, earliestMs } = this.#anchor;
    const latestMs = this.#latestAnchorMs;
    const lateMs = wallMs - latestMs <= ANCHOR_SLACK_MS ? 0 : Math.round(wallMs - latestMs);
    if (earliestMs === null) return lateMs === 0 ? null : { boundMs: lateMs, lateMs };
    const boundMs = Math.max(wallMs - Math.min(earliestMs, latestMs), latestMs - wallMs);
    return { boundMs: Math.round(boundMs), lateMs };
  }

  get hasOwnAnchor(): boolean {
    return this.#ownAnchorMs !== null;
  }

  close(): void {
    closeSync(this.#ledger);
    closeSync(this.#log);
  }

  #takeWrite(line: string, [, vuText, nText, due, lat, lag]: RegExpExecArray, nowMs: number): void {
    const vu = Number(vuText);
    const numbers = this.#seen.get(vu) ?? new Numbers();
    this.#seen.set(vu, numbers);
    if (!numbers.add(Number(nText))) return;
    this.#attempted.delete(`${vu}:${nText}`);
    writeSync(this.#ledger, `${line}\n`);
    this.writes += 1;
    const [dueMs, latMs, lagMs] = [Number(due), Number(lat), Number(lag)];
    this.#latestAnchorMs = Math.min(this.#latestAnchorMs, nowMs - dueMs - latMs);
    const [outcome] = line;
    if (outcome === 'A' || outcome === 'F' || outcome === 'U')
      this.#onWrite({ outcome, dueMs, latMs, lagMs });
  }

  /** The attempts of a write come one after the other, and before its own line. */
  #takeAttempt(line: string, { vu, n, atMs }: AttemptLine): void {
    const id = `${vu}:${n}`;
    if (this.#seen.get(vu)?.has(n) || atMs <= (this.#attempted.get(id) ?? Number.NEGATIVE_INFINITY)) return;
    this.#attempted.set(id, atMs);
    writeSync(this.#ledger, `${line}\n`);
  }

  #takeSummary(line: string): boolean {
    const summary = Summary.safeParse(json(line));
    if (!summary.success) return false;
    this.iterations = summary.data.iterations;
    this.dropped = summary.data.dropped_iterations;
    writeFileSync(this.#files.summaryFile, line);
    return true;
  }

  #takeOther(raw: string): void {
    const line = this.#redact(raw);
    if (line.trim() !== '' && line !== 'Request Failed') this.#said = line.trim().slice(0, 500);
    if (this.#logBytes > MAX_LOG_BYTES) return;
    this.#logBytes += Buffer.byteLength(line) + 1;
    const text =
      this.#logBytes > MAX_LOG_BYTES
        ? `(the log goes on; more than ${MAX_LOG_BYTES} bytes are not kept)`
        : line;
    writeSync(this.#log, `${text}\n`);
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Numbers that were seen, as stretches: one where nothing is missing. */
class Numbers {
  readonly #stretches: { from: number; to: number }[] = [];

  has(number: number): boolean {
    return this.#stretches.some(({ from, to }) => number >= from && number <= to);
  }

  /** False when it was there. */
  add(number: number): boolean {
    const stretches = this.#stretches;
    let at = stretches.length;
    while (at > 0 && stretches[at - 1]!.from > number) at -= 1;
    const before = stretches[at - 1];
    const after = stretches[at];
    if (before !== undefined && number <= before.to) return false;
    const joinsBefore = before?.to === number - 1;
    const joinsAfter = after?.from === number + 1;
    if (joinsBefore && joinsAfter) {
      before.to = after.to;
      stretches.splice(at, 1);
    } else if (joinsBefore) before.to = number;
    else if (joinsAfter) after.from = number;
    else stretches.splice(at, 0, { from: number, to: number });
    return true;
  }
}
