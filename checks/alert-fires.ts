/**
 * An alert fires for the fault that it is for: neither before nor after its own numbers, the proofs of the fault and the load that the clients
 * really sent allow, and is over in time. A fault that the ledger does not show above the threshold is no question to an alert.
 */
import { z } from 'zod';
import { deadlineText } from '../analysis/alerts/deadline.ts';
import { expectedFaults } from '../analysis/alerts/expected.ts';
import { type AlertVerdict, judgeAlert } from '../analysis/alerts/judge.ts';
import type { Span } from '../analysis/alerts/timing.ts';
import { ALERT_EVIDENCE, alertViews, type AlertView, unwatched } from '../analysis/alerts/view.ts';
import { history, type Judgement, provenFault, seconds, unfinished } from '../analysis/check.ts';
import { blurredTimes } from '../analysis/load-view.ts';
import type { RunView } from '../analysis/view.ts';
import type { Expectation, Outcome } from '../record/model.ts';
import { nearest } from '../record/nearest.ts';

export const title = 'The alert fires and resolves in time';
export const scope = 'window';
export const restsOn = 'load';
export const needsPrometheus = true;

export const options = z.strictObject({
  /** Name of an alert of the system's rules. */
  alert: z.string().min(1),
  /** For an alert on latency: a request is bad when it takes longer, milliseconds. Without it: when a server error (5xx) answers it. */
  slowerThanMs: z.number().positive().optional(),
});

const OUTCOMES: Record<AlertVerdict, Outcome> = {
  'in-time': 'pass',
  late: 'fail',
  early: 'fail',
  missing: 'fail',
  flapping: 'fail',
  'condition-never-true': 'fail',
  'rightly-silent': 'inconclusive',
  unexpected: 'inconclusive',
  'not-judgeable': 'inconclusive',
};

/** Verdicts that say when the condition has to turn. */
const OF_THE_TURN: readonly AlertVerdict[] = ['late', 'early', 'condition-never-true'];

export function judge(
  view: RunView,
  { alert: name, slowerThanMs }: z.infer<typeof options>,
  { during }: Pick<Expectation, 'during'>,
): Judgement {
  if (during === undefined) throw new Error('"alert-fires" needs "during": the fault that the alert is for');
  const { fault, refused } = provenFault(view, during);
  if (refused) return refused;
  const unseen = unwatched(view);
  if (unseen) return unseen;
  const evidence = [...ALERT_EVIDENCE, history('fault.proof'), ...ledgersOf(view)];
  const say = (verdict: Outcome, reason: string): Judgement => ({ verdict, reason, evidence });
  if (fault.goneAtMs === null)
    return say(unfinished(view, fault) ? 'inconclusive' : 'invalid', `the end of ${during} was never seen`);
  const alerts = alertViews(view);
  const [alert, twin] = alerts.filter(({ rule }) => rule.alert === name);
  if (alert === undefined) return say('invalid', unknownAlert(name, alerts));
  if (twin !== undefined)
    return say('inconclusive', `two rules are called ${name}, so it is not known which of them fired`);
  const untimed = untimedWhy(alert, slowerThanMs);
  if (untimed !== null) return say(untimed.verdict, `${name}: ${untimed.why}`);
  const { timed } = alert;
  const byRequests = timed.condition !== null && timed.of !== null;
  const blurred = byRequests ? blurredTimes(view.loads) : null;
  if (blurred !== null) return say('inconclusive', `${name} cannot be timed: ${blurred}`);
  const expected = expectedFaults(view, alert, { slowerThanMs });
  if (typeof expected === 'string') return say('inconclusive', `${name} cannot be timed: ${expected}`);
  const found = judgeAlert(alert.timing, expected, alert.observed).find((one) => one.fault === during);
  const deadlines = expected.find((one) => one.name === during)?.deadlines;
  if (found === undefined || deadlines === undefined) return say('inconclusive', `${name} was not judged`);
  const { fire, concerns } = deadlines;
  const other = unknownTimes(view, during, concerns);
  if (other !== null) return say('inconclusive', `${name}: ${other}`);
  const startMs = fault.actingFromMs?.[0] ?? 0;
  const fired = alert.observed.firings.find(
    ({ firedMs }) => firedMs.fromMs >= startMs && firedMs.fromMs <= concerns.toMs,
  );
  const isOpen = isGauge(alert) && OF_THE_TURN.includes(found.verdict);
  return {
    verdict: isOpen ? 'inconclusive' : OUTCOMES[found.verdict],
    reason: `${isOpen ? `${name} looks at a gauge, and when the fault turns it is not known: ${found.why}` : words(found.verdict, name, during, found.why)}${fire ? ` (fires ${deadlineText(fire)})` : ''}${claim(view)}.`,
    observed: {
      value: fired ? (fired.firedMs.toMs - startMs) / 1_000 : null,
      unit: 's after the fault began',
    },
    ...(fire && {
      expected: { value: (fire.toMs - startMs) / 1_000, unit: 's after the fault began, at most' },
    }),
    windowMs: [concerns.fromMs, concerns.toMs],
    evidence,
  };
}

/** A level that moves by and by passes its threshold whenever it does; that of `absent` is there or not. */
function isGauge({ timed }: AlertView): boolean {
  return timed.condition !== null && timed.condition.kind === 'gauge' && timed.staleMs === 0;
}

/** Null: of every other fault that may have had a part in it the times are known, and judgeAlert has looked at them. */
function unknownTimes({ faults }: RunView, during: string, concerns: Span): string | null {
  const other = faults.find(
    ({ name, intentAtMs, actingFromMs, goneAtMs }) =>
      name !== during &&
      intentAtMs !== null &&
      intentAtMs <= concerns.toMs &&
      (actingFromMs === null || goneAtMs === null) &&
      (goneAtMs?.[1] ?? Infinity) >= concerns.fromMs,
  );
  return other === undefined
    ? null
    : `${other.name}, begun at ${seconds(other.intentAtMs ?? 0)}, was never seen to act and to end, so it may have a part in it`;
}

/** All of them: whoever wrote meanwhile was counted by the system, too. */
function ledgersOf({ ledgers }: RunView): string[] {
  return ledgers.map(({ file }) => `ledger/${file.runner}.log`);
}

function unknownAlert(name: string, alerts: readonly AlertView[]): string {
  const names = alerts.map(({ rule }) => rule.alert);
  const near = nearest(names, name);
  return (
    `no alert of the rules is called ${name}${near === undefined ? '' : `, did you mean ${near}?`} ` +
    `(${names.length === 0 ? 'none was read back from Prometheus' : names.join(', ')})`
  );
}

/** Null: its times can be computed. */
function untimedWhy(
  { timed, observed }: AlertView,
  slowerThanMs: number | undefined,
): { verdict: Outcome; why: string } | null {
  if (timed.condition === null) {
    const fired = observed.firings.map(({ firedMs }) => seconds(firedMs.toMs));
    return {
      verdict: 'inconclusive',
      why: `when it has to fire cannot be computed: ${timed.why}; it ${fired.length === 0 ? 'did not fire' : `fired at ${fired.join(', ')}`}`,
    };
  }
  if (timed.condition.kind === 'quantile' && slowerThanMs === undefined)
    return { verdict: 'invalid', why: 'it looks at latency: say in slowerThanMs which requests are slow' };
  if (timed.of === null && slowerThanMs !== undefined)
    return { verdict: 'invalid', why: 'it looks at no requests, so slowerThanMs would be passed over' };
  return null;
}

function words(verdict: AlertVerdict, name: string, during: string, why: string): string {
  if (verdict === 'rightly-silent')
    return `${during} never made what ${name} is for, so this run says nothing about it: ${why}`;
  if (verdict === 'unexpected')
    return `${name}: ${why}: the rule counts something else than the bad requests of the ledger`;
  if (verdict === 'condition-never-true')
    return `${name} cannot see what it is for (the metric's name? its labels? the threshold?): ${why}; by the ledger ${during} did it`;
  return `${name}, ${verdict}: ${why}`;
}

/** What a compressed rule shows is that it is wired, not that its original is in time. */
function claim({ plan: { compress } }: RunView): string {
  return compress === undefined ? '' : `; this shows the wiring only, for time was divided by ${compress}`;
}
