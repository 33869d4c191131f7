/** `proofload heal`: what runs left behind, taken back from their undo journals. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { healableRuns, type HealReport, healRun } from '../harness/heal.ts';
import { EXIT, UsageError } from '../record/model.ts';

/** Heals one run, or every run of `out`. Exit code 3 when something could not be taken back; each is named with what to do by hand. */
export async function healCommand(
  run: string | undefined,
  options: { all?: true | undefined; out: string; json?: true | undefined },
): Promise<number> {
  if (run !== undefined && options.all)
    throw new UsageError(`heal ${run} --all: name a run, or take all of them, not both`);
  if (
    run !== undefined &&
    !existsSync(path.join(run, 'undo.jsonl')) &&
    !existsSync(path.join(run, 'history.jsonl'))
  ) {
    throw new UsageError(`${run}: not a run directory (it has neither history.jsonl nor undo.jsonl)`);
  }
  const reports: HealReport[] = [];
  for (const dir of run === undefined ? healableRuns(options.out) : [path.resolve(run)])
    reports.push(await healRun(dir));
  const left = reports.flatMap((report) => report.left);
  process.stdout.write(`${options.json ? JSON.stringify({ runs: reports }) : text(reports)}\n`);
  return left.length === 0 ? EXIT.pass : EXIT.invalid;
}

function text(reports: readonly HealReport[]): string {
  const lines = reports.flatMap(({ run, undone, left }) => [
    ...undone.map((what) => `${run}: removed ${what}`),
    ...left.map((what) => `${run}: LEFT ${what}`),
  ]);
  return lines.join('\n') || 'nothing was left behind';
}
