/** Every acknowledged write against what has become of it: who is lost, who is in a state that breaks the promise. */
import { Accused } from '../accounting.ts';
import { scanLedger } from '../ledger-scan.ts';
import { OUTSIDE } from '../faults.ts';
import type { RunView } from '../view.ts';
import { States } from './states-scan.ts';

export interface RunnerStates {
  runner: string;
  /** Acknowledged before the read-back began. */
  acknowledged: number;
  /** Of these, by state. */
  byState: Record<string, number>;
}

export interface JourneyAccount {
  runners: RunnerStates[];
  /** Acknowledged, and without any state. */
  lost: Accused;
  /** Acknowledged, and in a state that breaks the promise, by that state. */
  broken: Record<string, Accused>;
  /** Ended unknown: of these no state is owed, and what they have is counted apart. */
  unknown: { count: number; byState: Record<string, number> };
  /** Why a clean account may be wrong. */
  doubts: string[];
}

/** Reads each ledger once more. What ended after the read-back began is left out: that could not know it. */
export function journeyAccount(view: RunView): JourneyAccount {
  const account: JourneyAccount = {
    runners: [],
    lost: new Accused(),
    broken: {},
    unknown: { count: 0, byState: {} },
    doubts: [...view.account.doubts],
  };
  const readFromMs = view.account.readback?.fromMs ?? Number.POSITIVE_INFINITY;
  for (const { file, load } of view.ledgers) {
    const { runner } = file;
    const told = view.states.find((states) => states.runner === runner);
    if (told === undefined || load === null) {
      account.doubts.push(`ledger/${runner}.states is missing`);
      continue;
    }
    const states = new States(told.chunks());
    if (states.why !== '') {
      account.doubts.push(`ledger/${runner}.states: ${states.why}`);
      continue;
    }
    const seen: RunnerStates = { runner, acknowledged: 0, byState: {} };
    const strange = new Set<string>();
    account.runners.push(seen);
    scanLedger(file.chunks(), ({ outcome, vu, n, dueMs, latMs }) => {
      const state = states.of(vu, n);
      if (outcome === 'U') {
        account.unknown.count += 1;
        count(account.unknown.byState, state ?? 'absent');
      }
      const endedAtMs = load.anchorMs + dueMs + latMs;
      if (outcome !== 'A' || endedAtMs >= readFromMs) return;
      seen.acknowledged += 1;
      const write = { id: `${runner}/${vu}:${n}`, endedAtMs, window: windowAt(view, endedAtMs) };
      if (state === undefined) {
        account.lost.add(write);
        return;
      }
      count(seen.byState, state);
      if (states.broken.has(state)) (account.broken[state] ??= new Accused()).add(write);
      else if (!states.kept.has(state)) strange.add(state);
    });
    for (const state of strange)
      account.doubts.push(
        `ledger/${runner}.states: "${state}" is neither kept nor broken by the system's contract`,
      );
  }
  return account;
}

function windowAt({ faults }: RunView, atMs: number): string {
  const at = faults.find(({ windowMs }) => windowMs !== null && atMs >= windowMs[0] && atMs < windowMs[1]);
  return at?.name ?? OUTSIDE;
}

function count(counts: Record<string, number>, state: string): void {
  counts[state] = (counts[state] ?? 0) + 1;
}
