/** While the system is read back: which of the writes that it acknowledged has it not given back yet? By the ledgers as they are now. */
import { Accused } from '../analysis/accounting.ts';
import { loadViews } from '../analysis/load-view.ts';
import { type Ledger, readLedger } from '../analysis/view.ts';
import type { StoredRange } from '../record/contract.ts';
import { openRun } from '../record/reader.ts';

export class OwedWrites {
  readonly #ledgers: ReadonlyMap<string, Ledger>;
  readonly #phantom = new Accused(0);

  /** Reads every ledger of the run directory once. Throws where one cannot be read. */
  constructor(dir: string) {
    const { events, logs } = openRun(dir);
    const loads = loadViews(events);
    const ledgers = logs.map((file) => readLedger(file, loads)).filter(({ load }) => load !== null);
    this.#ledgers = new Map(ledgers.map((ledger) => [ledger.file.runner, ledger]));
  }

  /** What a look saw. What an earlier one saw need not be told again. */
  add(range: StoredRange): void {
    this.#ledgers.get(range.runner)?.account.addStored(range, true, this.#phantom);
  }

  /** Acknowledged writes that no look has seen so far. */
  get absent(): number {
    let absent = 0;
    for (const { account } of this.#ledgers.values()) absent += account.acknowledgedAbsent;
    return absent;
  }
}
