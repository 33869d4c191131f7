/**
 * Writes the run directory while the run goes on. Every event is one line, handed to the kernel before the call returns,
 * so that a `kill -9` of the harness loses at most a torn last line.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Event, Plan, VerdictFile } from './model.ts';

type WithoutAt<T> = T extends unknown ? Omit<T, 'at'> & { at?: number } : never;
export type NewEvent = WithoutAt<Event>;

/** Bytes one event may have; a longer one says so in its place. A history stays readable line by line. */
const MAX_EVENT_BYTES = 64 * 1024;

export class RunWriter {
  readonly dir: string;
  readonly #history: number;
  readonly #nowMs: () => number;
  readonly #secrets: string[] = [];
  readonly #observers: ((event: Event) => void)[] = [];
  #closed = false;

  /** `nowMs` is the run's monotonic clock. Makes the folder and its parts. */
  constructor(dir: string, nowMs: () => number) {
    this.dir = dir;
    this.#nowMs = nowMs;
    for (const folder of ['ledger', 'evidence']) mkdirSync(path.join(dir, folder), { recursive: true });
    this.#history = openSync(path.join(dir, 'history.jsonl'), 'a');
  }

  /** From now on these values are replaced before anything is written. Values shorter than six characters would hit innocent text. */
  redact(secrets: readonly string[]): void {
    this.#secrets.push(...secrets.filter((secret) => secret.length >= 6));
  }

  /** Told of every event after it is on disk. */
  observe(observer: (event: Event) => void): void {
    this.#observers.push(observer);
  }

  /** Appends one event at `event.at`, or now. Bound, so that it can be handed out. */
  readonly emit = (event: NewEvent): void => {
    if (this.#closed) return;
    const whole: Event = { ...event, at: Math.round((event.at ?? this.#nowMs()) * 10) / 10 };
    let line = this.#clean(JSON.stringify(whole));
    if (line.length > MAX_EVENT_BYTES) {
      line = JSON.stringify({
        at: whole.at,
        kind: 'note',
        text: `an event of kind ${whole.kind} was ${line.length} bytes long and was left out`,
      });
    }
    writeSync(this.#history, `${line}\n`);
    for (const observer of this.#observers) observer(whole);
  };

  plan(plan: Plan): void {
    writeFileSync(path.join(this.dir, 'plan.json'), this.#clean(`${JSON.stringify(plan, null, 2)}\n`));
  }

  /** Saves a file under evidence/ and says so in the history. */
  evidence(id: string, fileName: string, what: string, content: string): void {
    const file = path.join('evidence', path.basename(fileName));
    writeFileSync(path.join(this.dir, file), this.#clean(content));
    this.emit({ kind: 'evidence', id, file, what });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#history);
  }

  #clean(text: string): string {
    return this.#secrets.reduce((cleaned, secret) => cleaned.replaceAll(secret, '[redacted]'), text);
  }
}

/** Writes verdict.json beside the history it was judged from. */
export function writeVerdict(dir: string, verdict: VerdictFile): void {
  writeFileSync(path.join(dir, 'verdict.json'), `${JSON.stringify(verdict, null, 2)}\n`);
}
