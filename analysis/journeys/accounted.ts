/** Every acknowledged write against what has become of it: who is lost, who is in a state that breaks the promise. */
import type { LedgerLine } from '../../record/ledger.ts';
import { Accused } from '../accounting.ts';
import { scanLedger } from '../ledger-scan.ts';
import { OUTSIDE } from '../faults.ts';
import type { LoadView } from '../load-view.ts';
import type { Ledger, RunView } from '../view.ts';
import { States } from './states-scan.ts';

export interface RunnerStates {
  runner: string;
  /** Acknowledged before the read-back began. */
  acknowledged: number;
  /** Of these, by state. */
  byState: Record<string, number>;
  /** Its states are whole and fit what is stored: only then is a write without any called lost. */
  whole: boolean;
}

export interface JourneyAccount {
  runners: RunnerStates[];
  /** Acknowledged, and without any state. */
  lost: Accused;
  /** Acknowledged, and in a state that breaks the promise, or in two states, by that state. */
  broken: Record<string, Accused>;
  /** Ended unknown: of these no state is owed, and what they have is counted apart. */
  unknown: { count: number; byState: Record<string, number> };
  /** Why a clean account may be wrong. */
  doubts: string[];
}

/** Reads each ledger once more, and again where somebody may be lost. What ended after the read-back began is left out: that could not know it. */
export function journeyAccount(view: RunView): JourneyAccount {
  const account: JourneyAccount = {
    runners: [],
    lost: new Accused(),
    broken: {},
    unknown: { count: 0, byState: {} },
    doubts: [...view.account.doubts],
  };
  const told = new Map(view.states.map((file) => [file.runner, new States(file.chunks())]));
  for (const [runner, { why }] of told) {
    if (why !== '') account.doubts.push(`ledger/${runner}.states: ${why}`);
    if (!view.ledgers.some(({ file }) => file.runner === runner))
      account.doubts.push(`ledger/${runner}.states belongs to no ledger`);
  }
  for (const ledger of view.ledgers) {
    const { runner } = ledger.file;
    const states = told.get(runner);
    if (states === undefined) account.doubts.push(`ledger/${runner}.states is missing`);
    const fits = states !== undefined && fitsStored(view, runner, states, account.doubts);
    const whole = fits && ledger.load !== null && states.why === '';
    const seen: RunnerStates = { runner, acknowledged: 0, byState: {}, whole };
    account.runners.push(seen);
    if (states !== undefined && ledger.load !== null)
      judgeRunner(view, account, { ...ledger, load: ledger.load, states, seen });
  }
  return account;
}

/** Whether as many writes of a runner have a state as are stored: the same store was asked twice. */
function fitsStored(
  { account: { readback, runners } }: RunView,
  name: string,
  { covered }: States,
  doubts: string[],
): boolean {
  const stored = runners.find(({ runner }) => runner === name)?.stored;
  if (readback?.complete !== true || stored === undefined) return false;
  if (covered !== stored)
    doubts.push(
      `${name}: ${covered} writes have a state, and ${stored} of its ledger are stored: one of the two is wrong`,
    );
  return covered === stored;
}

interface Runner extends Pick<Ledger, 'file'> {
  load: LoadView;
  states: States;
  seen: RunnerStates;
}

/** What a well-formed line accuses stays accused, whatever else is damaged; what no line speaks of is lost only where all are known. */
function judgeRunner(view: RunView, account: JourneyAccount, { file, load, states, seen }: Runner): void {
  const { runner } = seen;
  const readFromMs = view.account.readback?.fromMs ?? Number.POSITIVE_INFINITY;
  const endOf = ({ dueMs, latMs }: LedgerLine) => load.anchorMs + dueMs + latMs;
  const isJudged = (line: LedgerLine) => line.outcome === 'A' && endOf(line) < readFromMs;
  const written = (line: LedgerLine) => {
    const endedAtMs = endOf(line);
    return { id: `${runner}/${line.vu}:${line.n}`, endedAtMs, window: windowAt(view, endedAtMs) };
  };
  const strange = new Set<string>();
  const lastOf = new Map<number, number>();
  let absent = 0;
  scanLedger(file.chunks(), (line) => {
    const { outcome, vu, n } = line;
    if (n > (lastOf.get(vu) ?? 0)) lastOf.set(vu, n);
    const state = states.of(vu, n);
    if (outcome === 'U') {
      account.unknown.count += 1;
      count(account.unknown.byState, state ?? 'absent');
    }
    if (!isJudged(line)) return;
    seen.acknowledged += 1;
    if (state === undefined) {
      absent += 1;
      return;
    }
    const two = states.contested(vu, n);
    count(seen.byState, two ?? state);
    if (two !== undefined || states.broken.has(state))
      (account.broken[two ?? state] ??= new Accused()).add(written(line));
    else if (!states.kept.has(state)) strange.add(state);
  });
  for (const state of strange)
    account.doubts.push(
      `ledger/${runner}.states: "${state}" is neither kept nor broken by the system's contract`,
    );
  // One more may be in flight: it has no line.
  const beyond = states.beyond((vu) => (lastOf.get(vu) ?? 0) + 1);
  if (beyond !== null) {
    account.doubts.push(`ledger/${runner}.states: ${beyond} has a state, and the ledger ends before it`);
    seen.whole = false;
  }
  if (absent > 0 && seen.whole)
    scanLedger(file.chunks(), (line) => {
      if (isJudged(line) && states.of(line.vu, line.n) === undefined) account.lost.add(written(line));
    });
}

function windowAt({ faults }: RunView, atMs: number): string {
  const at = faults.find(({ windowMs }) => windowMs !== null && atMs >= windowMs[0] && atMs < windowMs[1]);
  return at?.name ?? OUTSIDE;
}

function count(counts: Record<string, number>, state: string): void {
  counts[state] = (counts[state] ?? 0) + 1;
}
