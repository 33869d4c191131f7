/** `proofload judge` and `report`: everything right of the record. Also the end of `run`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { judgeRun } from '../analysis/judge.ts';
import { buildView } from '../analysis/view.ts';
import { EXIT, UsageError, VerdictFile } from '../record/model.ts';
import { openRun } from '../record/reader.ts';
import type { ReportInput } from '../record/report.ts';
import { builtFile } from '../record/root.ts';
import { replaceFile, writeVerdict } from '../record/writer.ts';
import { render, terminalOptions } from '../reports/terminal.ts';
import { loadCheck } from '../harness/catalogue.ts';
import { livingHarness } from '../harness/lock.ts';

/**
 * Judges a run directory, writes verdict.json and every report, prints the table or the JSON. On a full disk it prints all the same; a pass of
 * which nothing is kept is none: its exit code is that of `invalid`.
 */
export async function judgeAndReport(dir: string, json: boolean): Promise<VerdictFile> {
  const record = openRun(dir);
  const verdicts = await judgeRun(buildView(record), loadCheck);
  const input = { verdicts, plan: record.plan, directory: shown(dir), events: record.events };
  try {
    writeVerdict(dir, verdicts);
    await writeReports(input, dir);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    process.stderr.write(`${shown(dir)}: the verdict cannot be written: ${error.message}\n`);
    if (verdicts.exitCode === EXIT.pass) verdicts.exitCode = EXIT.invalid;
  }
  print(input, dir, json);
  return verdicts;
}

export async function judgeCommand(dir: string, options: { json?: true | undefined }): Promise<number> {
  const pid = livingHarness(dir);
  if (pid !== null)
    throw new UsageError(`${dir}: this run is still going on (pid ${pid}); it judges itself when it ends`);
  return (await judgeAndReport(path.resolve(dir), options.json === true)).exitCode;
}

/** Renders what was judged before; the exit code says whether that worked, not what the verdict was. */
export async function reportCommand(dir: string, options: { json?: true | undefined }): Promise<number> {
  const { plan, events } = openRun(dir);
  const file = path.join(dir, 'verdict.json');
  if (!existsSync(file)) throw new UsageError(`${dir}: not judged yet; use: proofload judge ${dir}`);
  const parsed = VerdictFile.safeParse(readJson(file));
  if (!parsed.success)
    throw new UsageError(`${file}: not a verdict of this version of proofload; use: proofload judge ${dir}`);
  const input = { verdicts: parsed.data, plan, directory: shown(dir), events };
  await writeReports(input, path.resolve(dir));
  print(input, path.resolve(dir), options.json === true);
  return EXIT.pass;
}

/** Every file of reports/ that names a file. */
async function writeReports(input: ReportInput, dir: string): Promise<void> {
  const folder = path.dirname(builtFile('reports/terminal.ts'));
  for (const entry of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
    const module = (await import(pathToFileURL(path.join(folder, entry)).href)) as {
      fileName?: string;
      render(input: ReportInput): string;
    };
    if (module.fileName !== undefined) replaceFile(path.join(dir, module.fileName), module.render(input));
  }
}

/** The terminal's table, or the JSON, on stdout. */
function print(input: ReportInput, dir: string, json: boolean): void {
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...input.verdicts, runDir: dir })}\n`
      : render(input, terminalOptions(process.stdout, process.env)),
  );
}

/** The run directory as the reader can type it. */
function shown(dir: string): string {
  const relative = path.relative(process.cwd(), dir);
  return relative.startsWith('..') ? path.resolve(dir) : relative;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
