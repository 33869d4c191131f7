/** While the system is read back: which of the writes that it acknowledged does a look miss? By the ledgers as they are when the looks begin. */
import { LedgerMarks } from '../analysis/ledger-marks.ts';
import { scanLedger } from '../analysis/ledger-scan.ts';
import { loadViews } from '../analysis/load-view.ts';
import { scanStored } from '../analysis/stored-scan.ts';
import { openRun } from '../record/reader.ts';

/** The mark of an acknowledged write: this, and the number of the last look that saw it, if any did. */
const ACKNOWLEDGED = 1;

export class OwedWrites {
  readonly #dir: string;
  readonly #marks = new Map<string, LedgerMarks>();
  #acknowledged = 0;
  #looks = 0;

  /** Reads every ledger of the run directory once. Throws where one cannot be read. */
  constructor(dir: string) {
    this.#dir = dir;
    const { events, logs } = openRun(dir);
    const loads = loadViews(events);
    for (const { runner, chunks } of logs) {
      const load = loads.find((one) => one.runner === runner);
      if (load === undefined) continue;
      const marks = new LedgerMarks();
      this.#marks.set(runner, marks);
      scanLedger(chunks(), ({ outcome, vu, n }) => {
        if (outcome !== 'A' || n < 1 || n > load.maxWrites) return;
        const user = marks.open(vu);
        if (marks.get(user, n) !== 0) return;
        marks.set(user, n, ACKNOWLEDGED);
        user.last = Math.max(user.last, n);
        this.#acknowledged += 1;
      });
    }
  }

  /**
   * Compares with what a look has just saved of these runners, whole. `absent`: acknowledged writes that it does not hold. `lagging`: those that it
   * holds and the look before did not; of the first look nothing is said.
   */
  compare(runners: readonly string[]): { absent: number; lagging?: number } {
    const before = ACKNOWLEDGED + this.#looks;
    this.#looks += 1;
    const now = ACKNOWLEDGED + this.#looks;
    let [seen, lagging] = [0, 0];
    for (const { runner, chunks } of openRun(this.#dir).stored) {
      const marks = this.#marks.get(runner);
      if (marks === undefined || !runners.includes(runner)) continue;
      scanStored(chunks(), ({ vu, from, to }) => {
        const user = marks.find(vu);
        if (user === undefined) return;
        for (let n = from; n <= Math.min(to, user.last); n += 1) {
          const mark = marks.get(user, n);
          if (mark === 0 || mark === now) continue;
          marks.set(user, n, now);
          seen += 1;
          if (mark !== before) lagging += 1;
        }
      });
    }
    return { absent: this.#acknowledged - seen, ...(this.#looks > 1 && { lagging }) };
  }
}
