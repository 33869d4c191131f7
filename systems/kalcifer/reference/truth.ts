/**
 * What a defect really did, for the tests that compare it with what the checks find. One file for each process in the folder of
 * PROOFLOAD_TRUTH_DIR, which the harness does not read; one line `<runner> <vu> <n>` for each identity that is lost or doubled, before it is.
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';

/** A customer of a journey, or the mark of an event: `<run>/<runner>/<vu>/<n>`. */
const IDENTITY = /^[^/]+\/([^/]+)\/(\d+)\/(\d+)$/;

export interface Truth {
  /** `marks` that are no identities are left out: nobody is owed anything for them. */
  add(marks: readonly string[]): void;
  /** Of `ack-before-commit`: what had been written down as in danger and is committed after all; the file ends in `.kept`. */
  keep(mark: string): void;
}

export function openTruth(folder: string | undefined, defect: string): Truth {
  if (folder === undefined) return { add: () => undefined, keep: () => undefined };
  const file = path.join(folder, `${defect}.${process.pid}`);
  const append = (name: string, marks: readonly string[]) => {
    const lines = marks.flatMap((mark) => {
      const [, runner, vu, n] = IDENTITY.exec(mark) ?? [];
      return runner === undefined ? [] : [`${runner} ${vu} ${n}\n`];
    });
    if (lines.length > 0) appendFileSync(name, lines.join(''));
  };
  return { add: (marks) => append(file, marks), keep: (mark) => append(`${file}.kept`, [mark]) };
}
