/** The verdict for whoever started the run: what broke first, then what it was, then where the evidence lies. */
import Table from 'cli-table3';
import type { Outcome } from '../record/model.ts';
import {
  byUrgency,
  exitWords,
  facts,
  firstOf,
  headline,
  printable,
  quantity,
  tally,
  type ReportInput,
} from '../record/report.ts';

export interface TerminalOptions {
  /** Width of the terminal in columns. */
  columns: number;
  colour: boolean;
}

const DEFAULT_COLUMNS = 110;
/** Narrower than this a table cannot be read; the terminal then breaks its lines. */
const MIN_COLUMNS = 60;
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
    ...section(
      'figures',
      firstOf(
        file.figures.map((f) => `${printable(f.name)}: ${printable(quantity(f))}`),
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
  // head and border: the default colours them even in a pipe. A column's width counts its two blanks.
  // One row a line: the package measures a cell of many lines anew for each line, seconds for a long report.
  const grid = new Table({
    head: ['promise', 'verdict', 'what was seen'],
    colWidths: [promiseWidth + 2, verdictWidth + 2, seenWidth + 2],
    style: { head: [], border: [], compact: true },
  });
  for (const verdict of byUrgency(file.verdicts)) {
    const promise = cell(`${verdict.id}${verdict.optional ? ' (optional)' : ''}`, promiseWidth);
    // The reason carries the figures that matter; observed and expected stand apart in the other reports.
    const seen = cell(verdict.reason, seenWidth);
    for (let line = 0; line < Math.max(promise.length, seen.length); line++) {
      const word = line === 0 ? paint(verdict.verdict, verdict.verdict) : '';
      grid.push([promise[line] ?? '', word, seen[line] ?? '']);
    }
  }
  return grid.toString();
}

function cell(text: string, width: number): string[] {
  return wrap(printable(text), width);
}

/** The text behind its label, later lines below the first one's text. */
function indented(label: string, text: string, width: number): string[] {
  const margin = ' '.repeat(label.length);
  return wrap(text, width - label.length).map((line, index) => (index === 0 ? label : margin) + line);
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** East Asian wide and full-width blocks (https://www.unicode.org/reports/tr11/) and pictographs take two columns. */
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{1B2FF}\u{1F000}-\u{1FAFF}\u{20000}-\u{3FFFD}]|\p{Extended_Pictographic}/u;

/** Columns of one grapheme; of a sequence an upper bound, because what is too wide for its cell would be cut off. */
function graphemeWidth(grapheme: string): number {
  let total = 0;
  for (const character of grapheme) {
    if (/[\u0300-\u036F]/.test(character)) continue;
    total += WIDE.test(character) ? 2 : 1;
  }
  return total;
}

/**
 * Breaks one line at blanks, and inside a word only where the word alone is too wide: the table's own wrapping
 * would cut such a word off, and a pod's name or a sentence in Chinese is one word.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  const end = () => {
    if (line.trimEnd() !== '') lines.push(line.trimEnd());
    line = '';
    used = 0;
  };
  for (const word of text.split(/(?<= )(?=[^ ])/)) {
    const parts = [...graphemes.segment(word)].map(({ segment }) => segment);
    const wordWidth = parts.reduce((sum, part) => sum + graphemeWidth(part), 0);
    const blanks = word.length - word.trimEnd().length;
    if (used + wordWidth - blanks > width && used > 0) end();
    for (const part of parts) {
      const partWidth = graphemeWidth(part);
      if (used + partWidth > width) {
        if (part === ' ') continue;
        end();
      }
      line += part;
      used += partWidth;
    }
  }
  end();
  return lines;
}
