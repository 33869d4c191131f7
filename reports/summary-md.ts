/** The verdict on one page of Markdown, as GitHub's step summary shows it: `cat summary.md >> "$GITHUB_STEP_SUMMARY"`. */
import {
  alertLines,
  byUrgency,
  exitWords,
  facts,
  headline,
  measured,
  ofTheRun,
  printable,
  quantity,
  tally,
  type ReportInput,
} from '../record/report.ts';

export const fileName = 'summary.md';

/** Bytes for each part, 60 kB together. GitHub refuses a step's summary above 1 MiB, and a job may have many steps. */
const BUDGET_BYTES = {
  facts: 12_000,
  verdicts: 24_000,
  costs: 6_000,
  alerts: 3_000,
  figures: 6_000,
  remarks: 6_000,
} as const;

export function render(input: ReportInput): string {
  const { verdicts: file, directory } = input;
  const parts = [
    `## ${headline(file)}: ${escape(file.scenario)}`,
    `${escape(tally(file.verdicts))}. Exit code ${file.exitCode}: ${exitWords(file.exitCode)}.`,
    within(
      facts(input).map(([label, text]) => `- ${label}: ${escape(text)}`),
      BUDGET_BYTES.facts,
      '- ',
    ),
    verdictTable(input),
    costTable(input),
    titled(
      'Alerts',
      within(
        alertLines(input.verdicts).map((line) => `- ${escape(line)}`),
        BUDGET_BYTES.alerts,
        '- ',
      ),
    ),
    titled(
      'Figures',
      within(
        ofTheRun(file).map((f) => `- ${escape(f.name)}: ${escape(quantity(f))}`),
        BUDGET_BYTES.figures,
        '- ',
      ),
    ),
    titled(
      'Remarks',
      within(
        file.remarks.map((remark) => `- ${escape(remark)}`),
        BUDGET_BYTES.remarks,
        '- ',
      ),
    ),
    `Run directory: ${escape(directory)}`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function verdictTable({ verdicts: file }: ReportInput): string {
  if (file.verdicts.length === 0) return 'No promise was judged: this run shows nothing.';
  const rows = byUrgency(file.verdicts).map((verdict) => {
    const promise = `${escape(verdict.title)}<br>${escape(verdict.id)}${verdict.optional ? ' (optional)' : ''}`;
    const seen = [verdict.reason, measured(verdict)].filter((text) => text !== '').map(escape);
    return `| ${promise} | **${escape(verdict.verdict)}** | ${seen.join('<br>')} |`;
  });
  return `| promise | verdict | what was seen |\n|---|---|---|\n${within(rows, BUDGET_BYTES.verdicts, '\n')}`;
}

/** A row a fault; nothing without faults. */
function costTable({ verdicts: { costs = [] } }: ReportInput): string {
  const rows = costs.map(({ fault, data, time, service }) => {
    const cells = [data, time, service].map((words) => words.map(escape).join('<br>'));
    return `| ${[escape(fault), ...cells].join(' | ')} |`;
  });
  const head = '| fault | writes (RPO) | back after (RTO) | service |\n|---|---|---|---|\n';
  return rows.length === 0
    ? ''
    : titled('What each fault cost', head + within(rows, BUDGET_BYTES.costs, '\n'));
}

function titled(title: string, body: string): string {
  return body === '' ? '' : `### ${title}\n\n${body}`;
}

/** As many whole lines as fit, and a line that counts the rest. */
function within(lines: readonly string[], budgetBytes: number, lead: string): string {
  const kept: string[] = [];
  let used = 0;
  for (const line of lines) {
    used += Buffer.byteLength(line) + 1;
    if (used > budgetBytes) {
      kept.push(`${lead}and ${lines.length - kept.length} more in verdict.json`);
      break;
    }
    kept.push(line);
  }
  return kept.join('\n');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\\': '&#92;' };

/**
 * Text as text: no markup, no HTML, no end of a table cell. A backslash becomes an entity, so that it cannot
 * undo the one before a `|`.
 */
function escape(text: string): string {
  return printable(text).replace(
    /[&<>\\|`*_[\]~#!]/g,
    (character) => ENTITIES[character] ?? `\\${character}`,
  );
}
