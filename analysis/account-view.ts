/** The account of a whole run: what was promised, what came back, who is accused in which window, and why it may be wrong. */
import type { LedgerLine } from '../record/ledger.ts';
import type { EventOf } from '../record/model.ts';
import type { LedgerFile } from '../record/reader.ts';
import { Accused, RunnerAccount } from './accounting.ts';
import { type FaultView, OUTSIDE } from './faults.ts';
import type { LaggingView } from './ledger-lagging.ts';
import type { LedgerScan } from './ledger-scan.ts';
import type { LoadView } from './load-view.ts';
import { scanStored } from './stored-scan.ts';
import type { Ledger } from './view.ts';

export interface RunnerView extends LedgerScan {
  runner: string;
  acknowledged: number;
  failed: number;
  /** Ended unknown, or left no line. */
  unknown: number;
  /** Different identities of it that the system holds, phantoms apart. */
  stored: number;
}

export interface AccountView {
  runners: RunnerView[];
  /** The last look. */
  readback: EventOf<'readback'> | null;
  lagging: LaggingView | null;
  /** Acknowledged before the read-back began: only these can be accused of being lost. */
  acknowledged: number;
  failed: number;
  unknown: number;
  /** Of the unknown those with a line, by the window in which they ended. */
  unknownByWindow: Record<string, number>;
  /** Different identities that the system holds. */
  stored: number;
  unknownStored: number;
  unknownAbsent: number;
  /** Acknowledged, and held among the system's dead letters alone: kept, and not lost. */
  deadLetters: number;
  lost: Accused;
  duplicated: Accused;
  failedStored: Accused;
  /** Of these, those of which only a part is stored. */
  failedInPart: number;
  phantom: Accused;
  /** Answered with success and yet not taken whole. */
  partial: Accused;
  /** Of the acknowledged, by the window in which they were. */
  atRisk: Record<string, number>;
  /** Of those at risk of a fault that lasts, acknowledged while it was seen acting, by the fault's name. */
  whileActing: Record<string, number>;
  /** Why a clean account may be wrong. Empty = it can be trusted. */
  doubts: string[];
}

interface Sources {
  ledgers: readonly Ledger[];
  loads: readonly LoadView[];
  stored: readonly LedgerFile[];
  readback: EventOf<'readback'> | null;
  lagging: LaggingView | null;
  nameLimit: number;
}

/** Compares every runner's account with what was read back. Who is accused is found afterwards, line by line (`Tally`). */
export function accountView({ ledgers, loads, stored, readback, lagging, nameLimit }: Sources): AccountView {
  const accused = () => new Accused(nameLimit);
  const view: AccountView = {
    runners: [],
    readback,
    lagging,
    acknowledged: 0,
    failed: 0,
    unknown: 0,
    unknownByWindow: {},
    stored: 0,
    unknownStored: 0,
    unknownAbsent: 0,
    deadLetters: 0,
    lost: accused(),
    duplicated: accused(),
    failedStored: accused(),
    failedInPart: 0,
    phantom: accused(),
    partial: accused(),
    atRisk: {},
    whileActing: {},
    doubts: [...ledgers.flatMap(doubtsOf), ...missing(ledgers, loads)],
  };
  const whole = addStored(view, ledgers, loads, stored);
  for (const { file, account, scan } of ledgers) {
    const held = account.settle(whole.has(file.runner));
    // With those after a virtual user's last line that turned up in the store: they were sent, and nobody saw how they ended.
    const unknown = held.unknownStored + held.unknownAbsent;
    view.failed += account.failed;
    view.unknown += unknown;
    view.stored += held.stored;
    view.unknownStored += held.unknownStored;
    view.unknownAbsent += held.unknownAbsent;
    view.deadLetters += account.deadLetters;
    view.failedInPart += account.failedInPart;
    const { acknowledged, failed } = account;
    view.runners.push({
      ...scan,
      runner: file.runner,
      acknowledged,
      failed,
      unknown,
      stored: held.stored,
    });
  }
  return view;
}

/** Adds what is stored to the accounts, and phantoms to the view. Returns the runners whose stored writes are known whole. */
function addStored(
  view: AccountView,
  ledgers: readonly Ledger[],
  loads: readonly LoadView[],
  stored: readonly LedgerFile[],
): Set<string> {
  const whole = new Set<string>();
  const { readback, doubts } = view;
  if (readback?.complete !== true) {
    doubts.push(readback ? `the read-back is incomplete: ${readback.why}` : 'nothing was read back');
    return whole;
  }
  const named = new Set(readback.runners);
  // The answer as a whole was complete: a runner that it does not name has nothing stored.
  for (const { file } of ledgers) if (!named.has(file.runner)) whole.add(file.runner);
  for (const runner of named) {
    const file = stored.find((candidate) => candidate.runner === runner);
    const ledger = ledgers.find((candidate) => candidate.file.runner === runner);
    if (!file) doubts.push(`ledger/${runner}.stored is missing`);
    // A load whose ledger is gone may have written anything: nothing of it is a phantom. It is in doubt already.
    else if (ledger || !loads.some((load) => load.runner === runner)) {
      const account = ledger?.account ?? new RunnerAccount(runner, 0, 0);
      const inFlight = ledger !== undefined && mayBeInFlight(ledger);
      const scan = scanStored(
        file.chunks(),
        (range) => account.addStored(range, inFlight, view.phantom),
        (part) => account.addPart(part, inFlight, view.phantom),
      );
      if (scan.complete) whole.add(runner);
      else doubts.push(`ledger/${runner}.stored: ${scan.why}`);
    }
  }
  return whole;
}

/**
 * May a virtual user have sent one more write than it has lines? Of k6 always: what still runs at the end of its grace is interrupted, and it ends
 * with 0 all the same. What the harness writes itself leaves a line each time.
 */
function mayBeInFlight({ load, scan }: Ledger): boolean {
  return !load || load.open !== null || Boolean(load.ended) || scan.torn || scan.malformed > 0;
}

/** Why an account may be wrong although nobody is accused. A torn last line is none: its write is unknown like any in flight. */
function doubtsOf({ file, load, account, scan }: Ledger): string[] {
  const name = `ledger/${file.runner}.log`;
  const doubts: string[] = [];
  if (!load) doubts.push(`${name} belongs to no load of the history`);
  if (scan.malformed > 0)
    doubts.push(`${name}: ${scan.malformed} damaged lines (line ${scan.malformedAt.join(', ')})`);
  if (account.repeatedLines > 0) doubts.push(`${name}: ${account.repeatedLines} identities have two lines`);
  if (load && load.open !== null) doubts.push(`${name}: ${load.open}`);
  if (account.impossible > 0)
    doubts.push(
      `${name}: ${account.impossible} lines have an impossible number (line ${account.impossibleAt.join(', ')})`,
    );
  // One write in flight for each virtual user: a number below another one that has a line ended before it, and left one.
  if (account.gaps > 0) doubts.push(`${name}: ${account.gaps} numbers below the last have no line`);
  const counted = load?.counted;
  if (counted && scan.lines + scan.malformed + (scan.torn ? 1 : 0) < counted.count)
    doubts.push(`${name}: ${scan.lines} lines for ${counted.count} ${counted.by}`);
  return doubts;
}

/** Of the doubts those about one kind of file: `log`, what the clients were told; `stored`, what the system gave back. */
export function doubtsAbout({ doubts }: Pick<AccountView, 'doubts'>, kind: 'log' | 'stored'): string[] {
  const file = kind === 'log' ? /^ledger\/\S+\.log\b/ : /^ledger\/\S+\.stored\b/;
  return doubts.filter((doubt) => file.test(doubt));
}

/** Of accused writes those counted, or null where none is and the account cannot say that a write which is not accused is well. */
export function knownCount({ acknowledged, doubts }: AccountView, count: number): number | null {
  return count > 0 || (acknowledged > 0 && doubts.length === 0) ? count : null;
}

function missing(ledgers: readonly Ledger[], loads: readonly LoadView[]): string[] {
  return loads
    .filter(
      ({ runner, ended }) => ended?.iterations !== 0 && !ledgers.some(({ file }) => file.runner === runner),
    )
    .map(({ runner }) => `ledger/${runner}.log is missing`);
}

/** What is counted of a fault's window; of the time that belongs to none, without a fault. */
interface Window {
  fault: FaultView | null;
  atRisk: number;
  whileActing: number;
}

/** Attributes the writes of one runner to windows, and names the accused. */
export class Tally {
  readonly #view: AccountView;
  readonly #runner: RunnerAccount;
  readonly #windows: Window[];
  readonly #outside: Window = { fault: null, atRisk: 0, whileActing: 0 };
  readonly #anchorMs: number | null;
  readonly #readFromMs: number;
  #acknowledgedAfter = 0;

  constructor(view: AccountView, runner: RunnerAccount, faults: FaultView[], load: LoadView | null) {
    this.#view = view;
    this.#runner = runner;
    this.#windows = faults.map((fault) => ({ fault, atRisk: 0, whileActing: 0 }));
    this.#anchorMs = load?.anchorMs ?? null;
    this.#readFromMs = view.readback?.fromMs ?? Number.POSITIVE_INFINITY;
  }

  add({ outcome, vu, n, dueMs, latMs, status }: LedgerLine): void {
    const runner = this.#runner;
    // A ledger that belongs to no load has no times: it is in doubt, and accuses nobody.
    if (this.#anchorMs === null) return;
    const endedAtMs = this.#anchorMs + dueMs + latMs;
    const window = this.#windowAt(endedAtMs);
    const { fault } = window;
    // What the read-back could not know yet is no one's fault.
    const before = endedAtMs < this.#readFromMs;
    if (outcome === 'A' && !before) this.#acknowledgedAfter += 1;
    if (outcome === 'A' && before) {
      this.#view.acknowledged += 1;
      window.atRisk += 1;
      if (fault && isActing(fault, endedAtMs)) window.whileActing += 1;
    }
    if (outcome === 'U') {
      const name = fault?.name ?? OUTSIDE;
      this.#view.unknownByWindow[name] = (this.#view.unknownByWindow[name] ?? 0) + 1;
    }
    // A refusal certainly had no effect, whatever status it came with.
    if (outcome === 'U' && status >= 200 && status < 300) this.#name('partial', vu, n, endedAtMs, fault);
    if (!runner.anyAccused) return;
    for (const accusation of runner.takeAccusations(vu, n))
      if (accusation !== 'lost' || before) this.#name(accusation, vu, n, endedAtMs, fault);
  }

  close(): void {
    const view = this.#view;
    if (this.#anchorMs === null) return;
    // The load has ended before the look: with even one of them the times or the look are not what they seem.
    if (this.#acknowledgedAfter > 0)
      view.doubts.push(
        `ledger/${this.#runner.runner}.log: ${this.#acknowledgedAfter} were acknowledged after the read-back began, so nobody looked for them`,
      );
    for (const { fault, atRisk, whileActing } of [...this.#windows, this.#outside]) {
      const name = fault?.name ?? OUTSIDE;
      if (atRisk > 0) view.atRisk[name] = (view.atRisk[name] ?? 0) + atRisk;
      if (fault?.momentary === false && fault.windowMs)
        view.whileActing[name] = (view.whileActing[name] ?? 0) + whileActing;
    }
    for (const id of this.#runner.duplicatedWithoutLine())
      view.duplicated.add({ id, endedAtMs: null, window: null });
  }

  #name(
    kind: 'lost' | 'duplicated' | 'failedStored' | 'partial',
    vu: number,
    n: number,
    endedAtMs: number,
    fault: FaultView | null,
  ): void {
    this.#view[kind].add({ id: this.#runner.id(vu, n), endedAtMs, window: fault?.name ?? OUTSIDE });
  }

  #windowAt(atMs: number): Window {
    for (const window of this.#windows) {
      const windowMs = window.fault?.windowMs ?? null;
      if (windowMs !== null && atMs >= windowMs[0] && atMs < windowMs[1]) return window;
    }
    return this.#outside;
  }
}

/** Between the first look that saw it act and the last that did. */
function isActing({ momentary, actingFromMs, goneAtMs }: FaultView, atMs: number): boolean {
  return !momentary && actingFromMs !== null && atMs >= actingFromMs[1] && atMs < (goneAtMs?.[0] ?? Infinity);
}
