/** Two runs side by side for whoever asked: the answer, what was put in, what changed, and how far the figures can be believed. */
import Table from 'cli-table3';
import type { Comparison, VerdictChange } from '../analysis/compare.ts';
import type { FigureChange } from '../analysis/compare-figures.ts';
import { BLOCK_SECONDS } from '../analysis/compare-samples.ts';
import { CONFIDENCE, RESAMPLES } from '../analysis/compare-noise.ts';
import { figure, platformWords, printable } from '../record/report.ts';
import { wrap } from '../record/wrap.ts';

interface Options {
  columns: number;
  colour: boolean;
  /** The run directories as the reader can open them, and the seed that the resampling was drawn from. */
  directories: readonly [a: string, b: string];
  seed: number;
}

/** Narrower than this a table cannot be read; the terminal then breaks its lines. */
const MIN_COLUMNS = 80;
const MAX_INPUTS = 15;
const VERDICT_WIDTH = 'inconclusive'.length;
/** SGR codes; the word stays. */
const COLOUR: Record<string, number> = { worse: 31, 'cannot tell': 33, better: 32 };
const ANSWERS = {
  worse: 'B is worse than A',
  'cannot tell': 'whether B is worse than A cannot be told',
  'not worse': 'nothing in B is worse than in A, as far as these two runs can tell',
};

/** The whole report, ending in a newline. */
export function renderComparison(comparison: Comparison, options: Options): string {
  const { a, b, inputs, verdicts, figures, finding, exitCode } = comparison;
  const width = Math.max(MIN_COLUMNS, options.columns);
  const paint = (word: string) =>
    options.colour && COLOUR[word] !== undefined ? `\u001b[${COLOUR[word]}m${word}\u001b[39m` : word;
  const changed = inputs.map(
    ({ input, a: before, b: after }) => `${input}: ${before ?? 'none'} -> ${after ?? 'none'}`,
  );
  const note =
    inputs.length === 0
      ? ['inputs: the same in both, as far as they are recorded']
      : [
          'INPUTS DIFFER: what changed below may come from them, not from the system',
          ...changed.slice(0, MAX_INPUTS).map((line) => `  ${line}`),
          ...(changed.length > MAX_INPUTS
            ? [`  and ${changed.length - MAX_INPUTS} more, named by --json`]
            : []),
        ];
  const named = [
    ...verdicts.filter((row) => row.finding === finding && finding !== 'not worse').map(({ id }) => id),
    ...figures.filter((row) => row.finding === finding && finding !== 'not worse').map(({ name }) => name),
  ];
  const head = [
    `${finding.toUpperCase()}  ${ANSWERS[finding]}${named.length > 0 ? `: ${named.join(', ')}` : ''}`,
    '',
    ...[a, b].flatMap((run, index) => [
      `${'AB'[index]}  ${options.directories[index]}: ${run.file.verdict}`,
      `   ${runWords(run)}`,
    ]),
    '',
    ...note,
  ];
  const method = `Figures outside fault windows: ${CONFIDENCE * 100} % intervals of the difference B - A, ${RESAMPLES} resamples of blocks of ${BLOCK_SECONDS} s or more, seed ${options.seed}. They hold the noise within each run; the margin stands for that between runs. What has no interval is not judged.`;
  const lines = [
    ...head.flatMap((line) => lineOf(line, width)),
    '',
    grid(
      ['promise', 'A', 'B', 'change'],
      [VERDICT_WIDTH, VERDICT_WIDTH],
      width,
      verdicts.map((verdict) => [verdict.id, verdict.a ?? '-', verdict.b ?? '-', verdictWords(verdict)]),
      paint,
    ),
    '',
    grid(
      ['figure', 'A', 'B', 'B - A', 'more than noise?'],
      [12, 12, 20],
      width,
      figures.map((row) => [
        `${row.name}, ${row.unit}`,
        ...[row.a, row.b].map((value) => (value === null ? 'not measured' : figure(value))),
        differenceWords(row),
        row.reason === '' ? row.change : `${row.change}: ${row.reason}`,
      ]),
      paint,
    ),
    '',
    ...wrap(method, width),
    `exit code ${exitCode}`,
  ];
  return `${lines.join('\n')}\n`;
}

function runWords({ plan, file }: Comparison['a']): string {
  const { scenario, machine, seed, defect, versions } = plan;
  return [
    scenario.name,
    ...(scenario.overlay ? [`overlay ${scenario.overlay}`] : []),
    ...(defect ? [`defect ${defect}`] : []),
    platformWords(file),
    `${machine.cpus} CPUs, ${machine.cpuModel}`,
    `seed ${seed}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ].join('; ');
}

function lineOf(line: string, width: number): string[] {
  const margin = /^ */.exec(line)?.[0] ?? '';
  return line === ''
    ? ['']
    : wrap(printable(line), width - margin.length).map((part) => margin + part.trimStart());
}

function verdictWords({ change, a, b, finding, reasonA, reasonB }: VerdictChange): string {
  // The same verdict for the same reason needs no words, but who cannot tell wants to know why.
  if (a === b && finding === 'not worse') return change;
  const reasons = [reasonA && `A: ${reasonA}`, reasonB && `B: ${reasonB}`];
  return [change, ...reasons].filter(Boolean).join(' | ');
}

function differenceWords({ difference, ratio }: FigureChange): string {
  if (difference === null) return '-';
  const sign = difference > 0 ? '+' : '';
  return `${sign}${figure(Number(difference.toPrecision(4)))}${ratio === null ? '' : ` (x ${ratio.toFixed(2)})`}`;
}

/** Rows of cells that are wrapped, one line a row; the first and the last column share what the `fixed` ones leave. */
function grid(
  head: readonly string[],
  fixed: readonly number[],
  width: number,
  rows: readonly (readonly string[])[],
  paint: (word: string) => string,
): string {
  const free = width - fixed.reduce((sum, column) => sum + column, 0) - 3 * head.length - 1;
  const first = Math.floor(free * 0.4);
  const widths = [first, ...fixed, free - first];
  const table = new Table({
    head: [...head],
    colWidths: widths.map((column) => column + 2),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const cells = row.map((text, column) => wrap(printable(text), widths[column] ?? 1));
    for (let line = 0; line < Math.max(...cells.map(({ length }) => length)); line += 1)
      table.push(
        cells.map((parts, column) => {
          const text = parts[line] ?? '';
          const [word] = column === cells.length - 1 && line === 0 ? text.split(/(?=[:|])/) : [];
          return word === undefined ? text : paint(word.trim()) + text.slice(word.trim().length);
        }),
      );
  }
  return table.toString();
}
