/**
 * The verdicts for a CI server, in the common subset of JUnit's XML (it has no official specification; see
 * https://github.com/testmoapp/junitxml): fail -> failure, invalid -> error, inconclusive and not_run -> skipped.
 */
import junit, { type Builder, type TestCase } from 'junit-report-builder';
import { EXIT, type Verdict } from '../record/model.ts';
import {
  byUrgency,
  exitWords,
  measured,
  platformWords,
  printable,
  type ReportInput,
} from '../record/report.ts';

export const fileName = 'junit.xml';

/** XML 1.0, well-formed whatever the reasons hold: `printable` leaves no character that XML forbids. */
export function render({ verdicts: file, plan, directory }: ReportInput): string {
  const report = newBuilder().name('proofload');
  const suite = report
    .testSuite()
    .name(printable(file.scenario))
    .property('run', printable(file.runId))
    .property('seed', String(plan.seed))
    .property('platform', printable(platformWords(file)))
    .property('system', plan.scenario.system)
    .property('verdict', file.verdict)
    .property('exitCode', String(file.exitCode));

  for (const verdict of byUrgency(file.verdicts)) {
    const testCase = suite
      .testCase()
      .className(`${plan.scenario.system}.${printable(verdict.check)}`)
      .name(printable(verdict.id))
      .time(windowSeconds(verdict));
    const message = printable(verdict.reason);
    const output = outputOf([
      verdict.title,
      // Of any other outcome the reason is the message; a pass has none, and how much it rests on is said nowhere else.
      verdict.verdict === 'pass' ? verdict.reason : '',
      measured(verdict),
      ...verdict.evidence.map((id) => `evidence: ${id}`),
    ]);
    if (verdict.verdict === 'inconclusive' || verdict.verdict === 'not_run') {
      skip(testCase, `${verdict.verdict}: ${message}`, output);
      continue;
    }
    testCase.standardOutput(output);
    if (verdict.verdict === 'fail') testCase.failure(message, 'promise');
    if (verdict.verdict === 'invalid') testCase.error(message, 'invalid');
  }

  // A server shows a suite without cases, or with the cases before a crash only, as green.
  const run = () => suite.testCase().className(`${plan.scenario.system}.run`).name('run').time(0);
  if (file.exitCode === EXIT.crash) run().error(exitWords(EXIT.crash), 'crash');
  else if (file.verdicts.length === 0)
    skip(run(), 'no promise was judged', outputOf([`evidence: ${directory}`]));
  return `${report.build()}\n`;
}

/** The package's types put the builder under `default`; its CommonJS file, which Node loads, is the builder itself. */
function newBuilder(): Builder {
  const loaded: unknown = junit;
  if (!isBuilder(loaded))
    throw new Error('junit-report-builder: no newBuilder(); another version than the locked one?');
  return loaded.newBuilder();
}

function isBuilder(loaded: unknown): loaded is Builder {
  return typeof loaded === 'object' && loaded !== null && 'newBuilder' in loaded;
}

/** Text for `system-out`. The XML writer splits only the first end of a CDATA section in a text, so none may be left. */
function outputOf(lines: readonly string[]): string {
  return lines
    .filter((line) => line !== '')
    .map((line) => printable(line).replaceAll(']]>', ']] >'))
    .join('\n');
}

function windowSeconds({ windowMs }: Verdict): number {
  return windowMs ? Math.round(windowMs[1] - windowMs[0]) / 1_000 : 0;
}

/** The package's own `skipped()` takes no message, and the message is where a CI server's reader finds the reason. */
function skip(testCase: TestCase, message: string, output: string): void {
  const build = testCase.build.bind(testCase);
  testCase.getSkippedCount = () => 1;
  testCase.build = (parent) => {
    const element = build(parent);
    element.ele('skipped', { message });
    element.ele('system-out').cdata(output);
    return element;
  };
}
