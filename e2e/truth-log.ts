/** What a reference system with a defect wrote down in PROOFLOAD_TRUTH_DIR before it did it: one line `<runner> <vu> <n>` for each write. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const IDENTITY = /^[a-z0-9-]{1,64} \d+ \d+$/;
/** A write that was in danger and came through: kalcifer's `ack-before-commit`. */
const KEPT = '.kept';

export interface TruthLog {
  written: Set<string>;
  /** Processes with something among it. */
  left: number;
}

/** Throws for a line that is no identity. */
export function readTruth(folder: string): TruthLog {
  const kept = new Set<string>();
  const byProcess: string[][] = [];
  for (const name of readdirSync(folder)) {
    const ids = identitiesIn(path.join(folder, name));
    if (!name.endsWith(KEPT)) byProcess.push(ids);
    else for (const id of ids) kept.add(id);
  }
  // By all processes together: a client that got no answer from one of them is served by another.
  const left = byProcess.map((ids) => ids.filter((id) => !kept.has(id))).filter(({ length }) => length > 0);
  return { written: new Set(left.flat()), left: left.length };
}

function identitiesIn(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const wrong = lines.find((line) => !IDENTITY.test(line));
  if (wrong !== undefined) throw new Error(`${file}: "${wrong}" is no <runner> <vu> <n>`);
  return lines;
}
