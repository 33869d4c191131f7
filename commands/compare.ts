/** `proofload compare`: two saved runs, judged anew and held against each other (docs/compare.md). Changes nothing. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { compareRuns } from '../analysis/compare.ts';
import type { JudgedRun } from '../analysis/compare-figures.ts';
import { judgeRun } from '../analysis/judge.ts';
import { buildView } from '../analysis/view.ts';
import { loadCheck } from '../harness/catalogue.ts';
import { livingHarness } from '../harness/lock.ts';
import { randomFrom } from '../harness/random.ts';
import { UsageError } from '../record/model.ts';
import { openRun } from '../record/reader.ts';
import { renderComparison } from '../reports/compare-terminal.ts';
import { terminalOptions } from '../reports/terminal.ts';

/** Fixed, so that the same two records always get the same answer. */
const SEED = 1;

/** Exit code: 0 nothing is worse, 1 something is, 4 cannot be told. Throws UsageError for what is no run, or goes on still. */
export async function compareCommand(
  a: string,
  b: string,
  options: { out: string; json?: true | undefined },
): Promise<number> {
  const directories = [runDir(a, options.out), runDir(b, options.out)] as const;
  const [before, after] = [await judged(directories[0]), await judged(directories[1])];
  const comparison = compareRuns(before, after, randomFrom(SEED));
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ ...comparison, directories: directories.map((dir) => path.resolve(dir)), seed: SEED })}\n`
      : renderComparison(comparison, {
          ...terminalOptions(process.stdout, process.env),
          directories,
          seed: SEED,
        }),
  );
  return comparison.exitCode;
}

/** A path, or the name of a run below `out`. */
function runDir(run: string, out: string): string {
  const found = [run, path.join(out, run)].find((dir) =>
    statSync(dir, { throwIfNoEntry: false })?.isDirectory(),
  );
  if (found === undefined)
    throw new UsageError(
      `${run}: no such run directory, neither as a path nor in ${out}; --out names another folder`,
    );
  const pid = livingHarness(found);
  if (pid !== null)
    throw new UsageError(`${found}: this run is still going on (pid ${pid}); compare it when it has ended`);
  return found;
}

/** Anew from the record: a verdict.json may be missing, or come from an older version with other checks. */
async function judged(dir: string): Promise<JudgedRun> {
  const view = buildView(openRun(dir));
  return { view, file: await judgeRun(view, loadCheck) };
}
