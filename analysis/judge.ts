/** From a view of a run to its verdict file: asks every check that the scenario expects, and adds what no check decides. */
import {
  EXIT,
  type Expectation,
  type Outcome,
  overall,
  SCHEMA_VERSION,
  type Verdict,
  type VerdictFile,
} from '../record/model.ts';
import { alertClaims, alertsFiringMs } from './alerts/claims.ts';
import { knownCount } from './account-view.ts';
import { type CheckModule, history, type Judgement } from './check.ts';
import { OUTSIDE, struckAtMs } from './faults.ts';
import { eventsOf } from './load-view.ts';
import { faultCosts } from './recovery/costs.ts';
import { scheduled, sum } from './timeline.ts';
import { binsIn, type RunView } from './view.ts';

/** Never throws for what a check does: a check that throws, or cannot be loaded, is `invalid` with the error's words. */
export async function judgeRun(
  view: RunView,
  loadCheck: (name: string) => Promise<CheckModule>,
): Promise<VerdictFile> {
  const { plan } = view;
  const judged: Judged[] = [];
  for (const expectation of plan.scenario.expect) judged.push(await judgeOne(view, expectation, loadCheck));
  const ofTheRun = [...ranToItsEnd(view), ...recordedWhole(view)];
  const verdicts = [...ofTheRun, ...withoutBlame(judged, ofTheRun)];
  const verdict = overall(verdicts);
  const costs = faultCosts(view, alertsFiringMs(view));
  const alerts = alertClaims(view);
  return {
    schemaVersion: SCHEMA_VERSION,
    runId: plan.runId,
    scenario: plan.scenario.name,
    platform: plan.platform,
    verdict,
    // A crash of the harness has an exit code of its own, unless the system was caught before it.
    exitCode:
      verdict === 'invalid' && eventsOf(view.events, 'run.crashed').length > 0 ? EXIT.crash : EXIT[verdict],
    rehearsal: plan.platform === 'local',
    verdicts: unique(verdicts),
    figures: [...figuresOf(view), ...costs.figures],
    costs: costs.rows,
    ...(alerts && { alerts }),
    remarks: view.remarks,
  };
}

interface Judged {
  verdict: Verdict;
  restsOn: CheckModule['restsOn'];
}

/** The check that judges the generator and the machine it ran on: what the others saw is worth as much as that. */
const INSTRUMENTS = 'generator-valid';

/**
 * Broken instruments are not held against the system: a `fail` that rests on the load becomes `invalid`, with its own reason kept.
 * `ofTheRun`: the verdicts about the run and its record.
 */
function withoutBlame(judged: readonly Judged[], ofTheRun: readonly Verdict[]): Verdict[] {
  const broken = [
    ...ofTheRun,
    ...judged.flatMap(({ verdict }) => (verdict.check === INSTRUMENTS ? [verdict] : [])),
  ].find(({ verdict }) => verdict === 'invalid');
  return judged.map(({ verdict, restsOn }) =>
    broken === undefined || restsOn !== 'load' || verdict.verdict !== 'fail'
      ? verdict
      : {
          ...verdict,
          verdict: 'invalid',
          reason: `not held against the system, because the measurement failed (${broken.check}: ${broken.reason.replace(/\.$/, '')}); what was seen: ${verdict.reason}`,
        },
  );
}

async function judgeOne(
  view: RunView,
  expectation: Expectation,
  loadCheck: (name: string) => Promise<CheckModule>,
): Promise<Judged> {
  const { check, during, optional = false, ...given } = expectation;
  const head = { id: during === undefined ? check : `${check}@${during}`, check, optional };
  let title = check;
  let restsOn: CheckModule['restsOn'] = 'load';
  try {
    const module = await loadCheck(check);
    title = module.title;
    restsOn = module.restsOn;
    const judgement =
      neverHappened(view, during) ?? module.judge(view, module.options.parse(given), expectation);
    return { verdict: { ...head, title, ...judgement }, restsOn };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const reason = `the check failed: ${words}`;
    return { verdict: { ...head, title, verdict: 'invalid', reason, evidence: ['plan.json'] }, restsOn };
  }
}

/** Neither a platform that cannot play a fault, nor a run that was stopped before it, owes it anything. */
function neverHappened(view: RunView, during: string | undefined): Judgement | null {
  const fault = view.faults.find(({ name }) => name === during);
  if (fault?.planned.notRun !== undefined)
    return {
      verdict: 'not_run',
      reason: `${fault.name} cannot be played here: ${fault.planned.notRun}.`,
      evidence: ['plan.json'],
    };
  if (view.stopped === null || fault === undefined || fault.intentAtMs !== null) return null;
  return {
    verdict: 'not_run',
    reason: `${fault.name} was never begun: ${view.stopped}.`,
    evidence: [history('fault.intent'), history('run.ended')],
  };
}

/** Nothing where the run went as planned; else one verdict that says why it did not. */
function ranToItsEnd({ events, stopped }: RunView): Verdict[] {
  const head = {
    id: 'run-completed',
    check: 'run-completed',
    title: 'The run came to its end',
    optional: false,
  };
  const say = (verdict: Outcome, reason: string, kind: string): Verdict[] => [
    { ...head, verdict, reason, evidence: [history(kind)] },
  ];
  const [crash] = eventsOf(events, 'run.crashed');
  if (crash)
    return say('invalid', `the harness crashed while in "${crash.phase}": ${crash.message}`, 'run.crashed');
  const [aborted] = eventsOf(events, 'run.aborted');
  if (aborted) return say(aborted.verdict, `stopped in "${aborted.phase}": ${aborted.why}`, 'run.aborted');
  if (eventsOf(events, 'run.ended').length === 0)
    return say('invalid', 'the history ends without an end of the run: the harness was killed', 'run.ended');
  return stopped === null
    ? []
    : say('inconclusive', `${stopped}; what was recorded until then is judged`, 'run.ended');
}

/** Nothing where every line of the history is an event. A lost line may have been the one that decides. */
function recordedWhole({ damaged: { count, lines } }: RunView): Verdict[] {
  if (count === 0) return [];
  const more = count > lines.length ? ` and ${count - lines.length} more` : '';
  return [
    {
      id: 'record-whole',
      check: 'record-whole',
      title: 'The history is whole',
      optional: false,
      verdict: 'invalid',
      reason: `${count} lines of history.jsonl are no events: line ${lines.join(', ')}${more}; what happened then is not known.`,
      evidence: ['history.jsonl'],
    },
  ];
}

/** Two expectations may ask the same check for the same window with other options: the second gets a number. */
function unique(verdicts: readonly Verdict[]): Verdict[] {
  const seen = new Map<string, number>();
  return verdicts.map((verdict) => {
    const times = (seen.get(verdict.id) ?? 0) + 1;
    seen.set(verdict.id, times);
    return times === 1 ? verdict : { ...verdict, id: `${verdict.id}#${times}` };
  });
}

function figuresOf(view: RunView): VerdictFile['figures'] {
  const { account, judged, latency, host, faults } = view;
  const outside = binsIn(view);
  const lengthS = outside.reduce((total, bin) => total + bin.toMs - bin.fromMs, 0) / 1_000;
  const total = sum(view.timeline?.bins ?? []);
  const times = latency[OUTSIDE];
  const percentile = (rank: number) =>
    times && times.totalCount > 0 ? times.getValueAtPercentile(rank) : null;
  const asked = scheduled(total);
  return [
    { name: 'acknowledged writes', value: account.acknowledged, unit: 'writes' },
    {
      name: 'acknowledged points outside fault windows',
      value: judged && lengthS > 0 ? (sum(outside).served * judged.pointsPerWrite) / lengthS : null,
      unit: 'points/s',
    },
    { name: 'served', value: asked === 0 ? null : total.served / asked, unit: 'share of arrivals' },
    { name: 'lost', value: knownCount(account, account.lost.count), unit: 'writes' },
    { name: 'duplicates', value: knownCount(account, account.duplicated.count), unit: 'writes' },
    ...(account.deadLetters > 0
      ? [{ name: 'dead letters', value: account.deadLetters, unit: 'writes' }]
      : []),
    { name: 'failed', value: account.failed, unit: 'writes' },
    { name: 'unknown', value: account.unknown, unit: 'writes' },
    { name: 'dropped', value: judged ? total.dropped : null, unit: 'arrivals' },
    { name: 'p50 outside fault windows', value: percentile(50), unit: 'ms' },
    { name: 'p99 outside fault windows', value: percentile(99), unit: 'ms' },
    ...faults.map((fault) => {
      const struck = struckAtMs(fault);
      const value =
        fault.recoveredAtMs === null || !struck ? null : (fault.recoveredAtMs - struck[0]) / 1_000;
      return { name: `recovery from ${fault.name}`, value, unit: 's', fault: fault.name };
    }),
    ...Object.entries(host.cores).map(([group, value]) => ({
      name: `CPU of ${group}`,
      value,
      unit: 'cores',
    })),
    ...Object.entries(host.peakRssMb).map(([group, value]) => ({
      name: `memory of ${group}, peak`,
      value,
      unit: 'MB',
    })),
  ];
}
