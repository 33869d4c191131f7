/**
 * What every report shares: its input, and the words that must be the same for every reader. Reports are pure renderings;
 * nothing in here looks at a file or a clock.
 */
import { formatDuration } from './duration.ts';
import {
  EXIT,
  type Event,
  type EventOf,
  type Outcome,
  type Plan,
  type Verdict,
  type VerdictFile,
} from './model.ts';

export interface ReportInput {
  verdicts: VerdictFile;
  plan: Plan;
  /** The run directory as its reader can open it. */
  directory: string;
  /** The history: what the faults were seen to do, and the rate the load ran at. Without it the plan alone speaks. */
  events?: readonly Event[];
}

/** What a reader has to see first, first. */
const URGENCY: readonly Outcome[] = ['fail', 'invalid', 'inconclusive', 'not_run', 'pass'];

/** A copy: fail, invalid, inconclusive, not_run, pass; within one verdict the order of the file. */
export function byUrgency(verdicts: readonly Verdict[]): Verdict[] {
  return [...verdicts].sort((a, b) => URGENCY.indexOf(a.verdict) - URGENCY.indexOf(b.verdict));
}

/** `1 fail, 2 inconclusive, 5 pass`; says so when there is nothing to count. */
export function tally(verdicts: readonly Verdict[]): string {
  const counts = URGENCY.map((word) => [verdicts.filter((v) => v.verdict === word).length, word] as const);
  const words = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return words.length > 0 ? words.join(', ') : 'no promise was judged';
}

/** The first word of every report. A crash is named before the verdicts that were reached in spite of it. */
export function headline({ verdict, exitCode }: VerdictFile): string {
  return (exitCode === EXIT.crash ? 'crashed' : verdict).toUpperCase();
}

/** One sentence for each exit code; an unknown one is named as such. */
export function exitWords(code: number): string {
  switch (code) {
    case EXIT.pass:
      return 'every required promise holds, as far as this run can tell';
    case EXIT.fail:
      return 'at least one promise is broken';
    case EXIT.usage:
      return 'bad input; nothing was started';
    case EXIT.invalid:
      return 'the measurement itself failed; it says nothing about the system';
    case EXIT.inconclusive:
      return 'what was recorded cannot decide';
    case EXIT.crash:
      return 'Proofload itself crashed; what was recorded until then was judged';
    default:
      return 'an exit code this version does not know';
  }
}

/** The platform; a rehearsal never reads like a cluster. */
export function platformWords({ platform, rehearsal }: VerdictFile): string {
  return rehearsal ? `${platform} (rehearsal: processes on one machine, not a cluster)` : platform;
}

/** What the run was, as label and text: the same lines above every verdict table. */
export function facts({ verdicts, plan, events = [] }: ReportInput): [label: string, text: string][] {
  const { scenario, machine } = plan;
  const { load } = scenario;
  const rate = events.find((event): event is EventOf<'rate'> => event.kind === 'rate');
  const perS = rate?.ratePerS ?? load.ratePerS;
  const taken =
    rate?.steal === undefined ? '' : `, of which the hypervisor took ${Math.round(rate.steal * 100)} %,`;
  const lines: [string, string][] = [
    ['question', scenario.question],
    ['run', verdicts.runId],
    ['system', scenario.system + (scenario.overlay ? `, with overlay ${scenario.overlay}` : '')],
    ['platform', platformWords(verdicts)],
    ['machine', `${machine.cpus} CPUs, ${Math.round(machine.memoryMb)} MB, ${machine.cpuModel}`],
    ['seed', String(plan.seed)],
    [
      'load',
      `${figure(perS)} writes/s of ${load.pointsPerWrite} points for ${formatDuration(load.forMs)}` +
        (rate && rate.ratePerS < rate.askedPerS
          ? `; ${figure(rate.askedPerS)} writes/s were asked, calibration found that this machine${taken} carries less`
          : ''),
    ],
  ];
  if (plan.defect) lines.push(['defect', `${plan.defect}: switched on in the reference system on purpose`]);
  for (const event of events)
    if (event.kind === 'fault.intent') lines.push(['fault', faultWords(event, events)]);
  return lines;
}

/** A fault in the words of its own probe. */
function faultWords({ fault, targets, detail }: EventOf<'fault.intent'>, events: readonly Event[]): string {
  const seen = (saw: EventOf<'fault.proof'>['saw']) =>
    events.find((event) => event.kind === 'fault.proof' && event.fault === fault && event.saw === saw);
  const [acting, gone, elsewhere] = [seen('acting'), seen('gone'), seen('elsewhere')];
  const end = gone ? `, gone at ${formatDuration(gone.at)}` : ', its end was not seen';
  const proof = acting ? `seen acting at ${formatDuration(acting.at)}${end}` : 'never seen acting';
  const aimed = targets.length > 0 ? ` on ${targets.join(', ')}` : '';
  return `${fault}${aimed}: ${detail}; ${proof}${elsewhere ? '; seen acting elsewhere too' : ''}`;
}

/** `from 1m to 1m15s`, on the run's own clock. */
function windowWords([fromMs, toMs]: readonly [number, number]): string {
  return `from ${formatDuration(fromMs)} to ${formatDuration(toMs)}`;
}

/** Observed, expected and window in one line; empty when the check gave none of them. */
export function measured({ observed, expected, windowMs }: Verdict): string {
  return [
    observed && `observed ${quantity(observed)}`,
    expected && `expected ${quantity(expected)}`,
    windowMs && windowWords(windowMs),
  ]
    .filter(Boolean)
    .join('; ');
}

/** `12.3 s`; what has no value says so and is never a zero. */
export function quantity({ value, unit }: { value: number | null; unit: string }): string {
  return value === null ? 'not measured' : `${figure(value)} ${unit}`.trimEnd();
}

/** Figures that are no fault's own: those of a fault stand in its row of the costs, in words. */
export function ofTheRun({ figures }: VerdictFile): VerdictFile['figures'] {
  return figures.filter(({ fault }) => fault === undefined);
}

/** How many of the alerts were exercised in which way, and then each by itself; nothing where no Prometheus was asked for. */
export function alertLines({ alerts }: VerdictFile): string[] {
  if (alerts === undefined) return [];
  const { rules, compress } = alerts;
  const count = (of: (rule: (typeof rules)[number]) => boolean) => rules.filter(of).length;
  const speed = compress === undefined ? '' : ` with time divided by ${figure(compress)}`;
  return [
    `of ${rules.length} alerts ${count(({ findings }) => findings.length === 0)} have no finding of the lint, ` +
      `${count(({ logic }) => logic === 'holds')} hold in virtual time, ` +
      `${count(({ wiring }) => wiring === 'fired')} fired live${speed}, ` +
      `${count(({ logic, wiring }) => logic === 'not-tested' && wiring !== 'fired')} were never exercised`,
    ...rules.map(
      ({ alert, findings, logic, wiring, realTime }) =>
        `${alert}: logic ${logic}, wiring ${wiring}, real time ${realTime}` +
        (findings.length === 0 ? '' : `; findings: ${findings.join(', ')}`),
    ),
  ];
}

/** A number for people, thousands apart. Six significant digits below a hundred: 99.995 % must not become 100 %. */
export function figure(value: number): string {
  return value.toLocaleString(
    'en-US',
    Math.abs(value) >= 100 ? { maximumFractionDigits: 1 } : { maximumSignificantDigits: 6 },
  );
}

/** Line ends and tabs, which become a blank. */
const BLANKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/gu;
/** What a terminal or a browser would obey or hide: control characters, lone surrogates, direction marks, non-characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFFFE\uFFFF]/gu;

/**
 * The text as one harmless line. Names and reasons may come from logs and from a cluster: an escape sequence in them is shown,
 * not obeyed. Longer than `maxChars` (UTF-16 units) it is cut, and says by how much.
 */
export function printable(text: string, maxChars = 600): string {
  const shown = text
    .replace(BLANKS, ' ')
    .replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  if (shown.length <= maxChars) return shown;
  // Not between the two halves of one character.
  const kept = shown.slice(0, maxChars).replace(/\p{Cs}$/u, '');
  return `${kept}… (${shown.length - kept.length} more characters in verdict.json)`;
}

/** The first `max` of them, and a line that counts the rest. */
export function firstOf(lines: readonly string[], max: number): string[] {
  if (lines.length <= max) return [...lines];
  return [...lines.slice(0, max), `and ${lines.length - max} more in verdict.json`];
}
