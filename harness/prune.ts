/** Keeps `out/` in bounds: the newest runs stay, and a run that is still going on or has something left to heal always stays. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { livingHarness } from './lock.ts';
import { openActions } from './undo.ts';

/** Removes all but the newest `keep` runs. Returns what was removed and what had to stay, with the reason. */
export function prune(
  outDir: string,
  keep: number,
): { removed: string[]; kept: { run: string; why: string }[] } {
  const runs = readdirSync(outDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(outDir, entry.name))
    // Only what is a run: this command must not remove a folder that somebody else put here.
    .filter((dir) =>
      ['plan.json', 'history.jsonl', 'undo.jsonl'].every((name) =>
        statSync(path.join(dir, name), { throwIfNoEntry: false })?.isFile(),
      ),
    )
    .sort(
      (a, b) => statSync(path.join(b, 'plan.json')).mtimeMs - statSync(path.join(a, 'plan.json')).mtimeMs,
    );
  const removed: string[] = [];
  const kept: { run: string; why: string }[] = [];
  for (const dir of runs.slice(keep)) {
    const run = path.basename(dir);
    if (livingHarness(dir) !== null) kept.push({ run, why: 'still going on' });
    else if (openActions(dir).length > 0)
      kept.push({ run, why: `left something behind: proofload heal ${dir}` });
    else {
      rmSync(dir, { recursive: true });
      removed.push(run);
    }
  }
  return { removed, kept };
}
