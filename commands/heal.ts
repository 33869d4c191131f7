/** `proofload heal`: what runs left behind, taken back from their undo journals. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { healableRuns, type HealReport, healRun, healStrays } from '../harness/heal.ts';
import { EXIT, UsageError } from '../record/model.ts';
import { clusterOf, type Place } from './platform.ts';

/**
 * Heals one run, or every run of `out`; with `--all --on`, also whatever other runs have left in that cluster. Exit code 3 when something could not be taken back; each is named with what to do by hand.
 */
export async function healCommand(
  run: string | undefined,
  options: {
    all?: true | undefined;
    on?: Place['on'] | undefined;
    kubeconfig?: string | undefined;
    context?: string | undefined;
    out: string;
    json?: true | undefined;
  },
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
  if (options.on === undefined && (options.kubeconfig !== undefined || options.context !== undefined))
    throw new UsageError('--kubeconfig and --context say which cluster is swept; add --all --on kubernetes');
  if (options.on !== undefined && !options.all)
    throw new UsageError('heal --on sweeps a whole cluster; say so with --all');
  const target = options.on === undefined ? null : clusterOf({ ...options, on: options.on });
  const reports: HealReport[] = [];
  for (const dir of run === undefined ? healableRuns(options.out) : [path.resolve(run)])
    reports.push(await healRun(dir));
  if (target !== null) reports.push(...(await healStrays(target, options.out)));
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
