/** The verdict for whoever started the run: what broke first, then what it was, then where the evidence lies. */
import Table from 'cli-table3';
import type { Outcome } from '../record/model.ts';
import {
  alertLines,
  byUrgency,
  exitWords,
  facts,
  firstOf,
  headline,
  ofTheRun,
  printable,
  quantity,
  tally,
  type ReportInput,
} from '../record/report.ts';
import { wrap } from '../record/wrap.ts';

export interface TerminalOptions {
  /** Width of the terminal in columns. */
  columns: number;
  colour: boolean;
}

const DEFAULT_COLUMNS = 110;
/** Narrower than this a table cannot be read; the terminal then breaks its lines. */
const MIN_COLUMNS = 60;
const MAX_ALERTS = 40;
const MAX_FIGURES = 40;
const MAX_REMARKS = 10;

/** SGR codes, https://www.ecma-international.org/publications-and-standards/standards/ecma-48/. The word stays: colour is never alone. */
const COLOUR: Record<Outcome, number> = { fail: 31, invalid: 35, inconclusive: 33, not_run: 36, pass: 32 };

/** What a stream can show: no colour into a pipe, with NO_COLOR (https://no-color.org) or on a dumb terminal. */
export function terminalOptions(
  stream: { isTTY?: boolean; columns?: number },
  env: Record<string, string | undefined>,
): TerminalOptions {
  return {
    columns: stream.columns ?? DEFAULT_COLUMNS,
    colour: stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  };
}

/** The whole report, ending in a newline. */
export function render(input: ReportInput, { columns, colour }: TerminalOptions): string {
  const { verdicts: file, directory } = input;
  const width = Math.max(MIN_COLUMNS, columns);
  const paint = (word: string, outcome: Outcome) =>
    colour ? `\u001b[${COLOUR[outcome]}m${word}\u001b[39m` : word;
  const labelled = (lines: readonly (readonly [string, string])[]) =>
    lines.flatMap(([label, text]) => indented(label.padEnd(10), printable(text), width));

  const lines = [
    `${paint(headline(file), file.verdict)}  ${printable(file.scenario)}: ${tally(file.verdicts)}`,
    '',
    ...labelled(facts(input)),
    '',
    ...(file.verdicts.length > 0
      ? [table(input, width, paint)]
      : ['No promise was judged: this run shows nothing.']),
    ...section('what each fault cost', costTable(file, width)),
    ...section(
      'alerts',
      firstOf(
        alertLines(file).map((line) => printable(line)),
        MAX_ALERTS,
      ).flatMap((line) => indented('  ', line, width)),
    ),
    ...section(
      'figures',
      firstOf(
        ofTheRun(file).map((f) => `${printable(f.name)}: ${printable(quantity(f))}`),
        MAX_FIGURES,
      ).flatMap((line) => indented('  ', line, width)),
    ),
    ...section(
      'remarks',
      firstOf(
        file.remarks.map((remark) => printable(remark)),
        MAX_REMARKS,
      ).flatMap((line) => indented('  - ', line, width)),
    ),
    '',
    ...labelled([
      ['evidence', directory],
      ['exit code', `${file.exitCode}: ${exitWords(file.exitCode)}`],
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

/** A title above its lines, nothing without lines. */
function section(title: string, lines: string[]): string[] {
  return lines.length > 0 ? ['', title, ...lines] : [];
}

function table(
  { verdicts: file }: ReportInput,
  width: number,
  paint: (word: string, outcome: Outcome) => string,
): string {
  const verdictWidth = 'inconclusive'.length;
  // Three columns have four borders and a blank on both sides of each cell.
  const free = width - verdictWidth - 4 - 6;
  const promiseWidth = Math.floor(free * 0.3);
  const seenWidth = free - promiseWidth;
  // The reason carries the figures that matter; observed and expected stand apart in the other reports.
  const rows = byUrgency(file.verdicts).map(({ id, optional, verdict, reason }) => [
    cell(`${id}${optional ? ' (optional)' : ''}`, promiseWidth),
    [paint(verdict, verdict)],
    cell(reason, seenWidth),
  ]);
  return grid(['promise', 'verdict', 'what was seen'], [promiseWidth, verdictWidth, seenWidth], rows);
}

/** A row a fault; nothing without faults. */
function costTable({ costs = [] }: ReportInput['verdicts'], width: number): string[] {
  if (costs.length === 0) return [];
  // Four columns have five borders and a blank on both sides of each cell.
  const free = width - 5 - 8;
  const wide = Math.floor(free * 0.29);
  const widths = [free - 3 * wide, wide, wide, wide] as const;
  const rows = costs.map(({ fault, data, time, service }) => [
    cell(fault, widths[0]),
    ...[data, time, service].map((words) => words.flatMap((text) => cell(text, wide))),
  ]);
  return [grid(['fault', 'writes (RPO)', 'back after (RTO)', 'service'], widths, rows)];
}

/**
 * Rows of cells of lines. One row a line: the package measures a cell of many lines anew for each line, seconds for a long report.
 * head and border: the default colours them even in a pipe. A column's width counts its two blanks.
 */
function grid(
  head: readonly string[],
  widths: readonly number[],
  rows: readonly (readonly (readonly string[])[])[],
): string {
  const drawn = new Table({
    head: [...head],
    colWidths: widths.map((columns) => columns + 2),
    style: { head: [], border: [], compact: true },
  });
  for (const cells of rows)
    for (let line = 0; line < Math.max(...cells.map(({ length }) => length)); line++)
      drawn.push(cells.map((lines) => lines[line] ?? ''));
  return drawn.toString();
}

function cell(text: string, width: number): string[] {
  return wrap(printable(text), width);
}

/** The text behind its label, later lines below the first one's text. */
function indented(label: string, text: string, width: number): string[] {
  const margin = ' '.repeat(label.length);
  return wrap(text, width - label.length).map((line, index) => (index === 0 ? label : margin) + line);
}
