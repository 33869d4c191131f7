/**
 * Writes the run directory while the run goes on. Every event is one line, handed to the kernel before the call returns,
 * so that a `kill -9` of the harness loses at most a torn last line.
 */
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { AppendFile } from './append-file.ts';
import type { Event, Plan, VerdictFile } from './model.ts';

type WithoutAt<T> = T extends unknown ? Omit<T, 'at'> & { at?: number } : never;
export type NewEvent = WithoutAt<Event>;
/** Takes the secrets that are known by then out of a line. */
export type Redact = (line: string) => string;

/** Bytes one event may have; a longer one says so in its place. A history stays readable line by line. */
const MAX_EVENT_BYTES = 64 * 1024;
/** Shorter ones would hit innocent text. */
const LEAST_SECRET_LENGTH = 6;
const MAX_SCRUBBED_BYTES = 256 * 2 ** 20;
/** What the end of a run needs when its disk is full: the events that wait, the verdict and the reports, about 40 KB in all of a short run. */
const RESERVE_BYTES = 512 * 1024;

export class RunWriter {
  readonly dir: string;
  readonly #history: AppendFile;
  readonly #reserve: string;
  readonly #nowMs: () => number;
  readonly #secrets: string[] = [];
  /** Lines of secrets that have several: a log comes line by line. */
  readonly #secretLines: string[] = [];
  readonly #observers: ((event: Event) => void)[] = [];
  #closed = false;
  #failure: Error | null = null;

  /** `nowMs` is the run's monotonic clock. Makes the folder and its parts. */
  constructor(dir: string, nowMs: () => number) {
    this.dir = dir;
    this.#nowMs = nowMs;
    for (const folder of ['ledger', 'evidence']) mkdirSync(path.join(dir, folder), { recursive: true });
    this.#history = new AppendFile(path.join(dir, 'history.jsonl'));
    this.#reserve = path.join(dir, 'reserve');
    // Random, since a file system that compresses would keep no room with zeros.
    writeFileSync(this.#reserve, randomBytes(RESERVE_BYTES));
  }

  /** Why events are not on disk although they were emitted: a full disk, as a rule. They are written when there is room, at the latest by `close`. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** From now on these values are replaced before anything is written. */
  redact(secrets: readonly string[]): void {
    for (const secret of secrets) {
      if (secret.length < LEAST_SECRET_LENGTH) continue;
      // As it stands in text, and as it stands inside a JSON string.
      for (const form of [secret, JSON.stringify(secret).slice(1, -1)]) {
        if (!this.#secrets.includes(form)) this.#secrets.push(form);
      }
      const lines = secret.includes('\n') ? secret.split('\n').map((line) => line.trim()) : [];
      for (const line of lines) {
        if (line.length >= LEAST_SECRET_LENGTH && !this.#secretLines.includes(line))
          this.#secretLines.push(line);
      }
    }
    // The longest first: one that has another in it would leave its rest.
    for (const list of [this.#secrets, this.#secretLines]) list.sort((a, b) => b.length - a.length);
  }

  /** One line of another program's log, without the secrets, for whoever writes it down beside the history. Bound, so that it can be handed out. */
  readonly redactLine: Redact = (line) => replaced(this.#clean(line), this.#secretLines);

  /** Told of every event after it was written, without the secrets. */
  observe(observer: (event: Event) => void): void {
    this.#observers.push(observer);
  }

  /** Appends one event at `event.at`, or now. Bound, so that it can be handed out. */
  readonly emit = (event: NewEvent): void => {
    if (this.#closed) return;
    const whole: Event = { ...event, at: Math.round((event.at ?? this.#nowMs()) * 10) / 10 };
    const text = JSON.stringify(whole);
    let line = this.#clean(text);
    const told = line === text ? whole : parsed(line);
    if (line.length > MAX_EVENT_BYTES) {
      line = JSON.stringify({
        at: whole.at,
        kind: 'note',
        text: `an event of kind ${whole.kind} was ${line.length} bytes long and was left out`,
      });
    }
    this.#failure = this.#history.append(line);
    if (told !== null) for (const observer of this.#observers) this.#tell(observer, told);
  };

  plan(plan: Plan): void {
    replaceFile(path.join(this.dir, 'plan.json'), this.#clean(`${JSON.stringify(plan, null, 2)}\n`));
  }

  /** Saves a file under evidence/ and says so in the history. */
  evidence(id: string, fileName: string, what: string, content: string): void {
    const file = path.join('evidence', path.basename(fileName));
    writeFileSync(path.join(this.dir, file), this.#clean(content));
    this.emit({ kind: 'evidence', id, file, what });
  }

  /** A reader of the run that fails must not end it; it is told no more, and the history says so. */
  #tell(observer: (event: Event) => void, event: Event): void {
    try {
      observer(event);
    } catch (error) {
      const index = this.#observers.indexOf(observer);
      // It failed already at an event that was emitted while it was told of this one.
      if (index < 0) return;
      this.#observers.splice(index, 1);
      this.emit({
        kind: 'note',
        text: `an observer of the run failed and is told no more: ${String(error)}`,
      });
    }
  }

  /**
   * Ends the history, and takes the secrets out of what other programs wrote beside it themselves: the logs of processes of this machine. Of a run
   * that never comes here, `proofload heal` removes those (harness/dead-logs.ts). Gives the room that was kept for the end of the run to what comes now.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    rmSync(this.#reserve, { force: true });
    this.#failure = this.#history.flush();
    for (const entry of readdirSync(path.join(this.dir, 'evidence'), { withFileTypes: true })) {
      if (entry.isFile() && entry.name.endsWith('.log'))
        this.#scrub(path.join(this.dir, 'evidence', entry.name));
    }
  }

  /** A log beyond the bound is cut: what cannot be searched whole must not be kept. */
  #scrub(file: string): void {
    if (statSync(file).size > MAX_SCRUBBED_BYTES) truncateSync(file, MAX_SCRUBBED_BYTES);
    const text = readFileSync(file, 'utf8');
    const cleaned = this.#clean(text);
    if (cleaned === text) return;
    try {
      writeFileSync(file, cleaned);
    } catch {
      rmSync(file, { force: true }); // what cannot be cleaned must not be kept
    }
  }

  #clean(text: string): string {
    return replaced(text, this.#secrets);
  }
}

function replaced(text: string, secrets: readonly string[]): string {
  return secrets.reduce((cleaned, secret) => cleaned.replaceAll(secret, '[redacted]'), text);
}

/** Writes verdict.json beside the history it was judged from. */
export function writeVerdict(dir: string, verdict: VerdictFile): void {
  replaceFile(path.join(dir, 'verdict.json'), `${JSON.stringify(verdict, null, 2)}\n`);
}

/** Whole or not at all, and never through a link that somebody put in its place. Throws what the system says, and leaves nothing then. */
export function replaceFile(file: string, content: string): void {
  const fresh = `${file}.new-${process.pid}`;
  try {
    writeFileSync(fresh, content, { flag: 'wx' });
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** Null where a secret was a part of the line's own syntax. */
function parsed(line: string): Event | null {
  try {
    return JSON.parse(line) as Event;
  } catch {
    return null;
  }
}
