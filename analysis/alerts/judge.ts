/** One alert against the deadlines of the faults: did it fire and resolve when it had to, and only then? */
import type { Deadline, Deadlines } from './deadline.ts';
import type { Firing, ObservedAlert } from './observed.ts';
import { type FaultTimes, type RuleTiming, type Span, upToEvaluation, thresholdWindow } from './timing.ts';

export interface ExpectedFault {
  name: string;
  times: FaultTimes;
  deadlines: Deadlines;
}

/**
 * in-time: fired and resolved within the deadlines. rightly-silent: nothing had to fire, and nothing did. late, early: fired or resolved
 * outside. missing: the condition held for long enough, and it did not fire. condition-never-true: a fault that should have made the
 * condition hold did not, so the rule or the fault is not what it is taken for. unexpected: it fired, and no fault explains it.
 * flapping: more than once for one fault. not-judgeable: what was seen cannot decide.
 */
export type AlertVerdict =
  | 'in-time'
  | 'rightly-silent'
  | 'late'
  | 'early'
  | 'missing'
  | 'condition-never-true'
  | 'unexpected'
  | 'flapping'
  | 'not-judgeable';

export interface AlertJudgement {
  /** Null: no fault's, but the alert's own. */
  fault: string | null;
  verdict: AlertVerdict;
  why: string;
}

type Judged = Omit<AlertJudgement, 'fault'>;

/** One judgement for each fault, one for each firing that belongs to none, and one for an alert that no fault concerns. */
export function judgeAlert(
  timing: RuleTiming,
  faults: readonly ExpectedFault[],
  alert: ObservedAlert,
): AlertJudgement[] {
  const explained = new Set(faults.flatMap((fault) => firingsOf(fault, alert)));
  const own = alert.firings
    .filter((firing) => !explained.has(firing))
    .map(({ firedMs }) => {
      if (firedMs.fromMs < alert.watched.fromMs)
        return judged('not-judgeable', `it fired at ${at(firedMs)}, before it was watched`);
      const fromMs = firedMs.fromMs - timing.forMs - (thresholdWindow(timing.condition)?.windowMs ?? 0);
      const blind = unseen(alert, { fromMs: Math.max(fromMs, alert.watched.fromMs), toMs: firedMs.toMs });
      return blind === null
        ? judged('unexpected', `it fired at ${at(firedMs)}, and no fault explains it`)
        : judged(blind.verdict, `it fired at ${at(firedMs)}, and ${blind.why}`);
    });
  const quiet = faults.length > 0 || own.length > 0 ? [] : [silence(timing, alert)];
  return [
    ...faults.map((fault) => ({ fault: fault.name, ...judgeFault(timing, fault, faults, alert) })),
    ...[...own, ...quiet].map((found) => ({ fault: null, ...found })),
  ];
}

function judgeFault(
  timing: RuleTiming,
  fault: ExpectedFault,
  faults: readonly ExpectedFault[],
  alert: ObservedAlert,
): Judged {
  const { deadlines, times } = fault;
  const { concerns } = deadlines;
  const blind = unseen(alert, concerns);
  if (blind !== null) return blind;
  const other = faults.find(
    (found) => found !== fault && overlap(found.deadlines.concerns, concerns) !== null,
  );
  if (other !== undefined)
    return judged(
      'not-judgeable',
      `the fault ${other.name} is too near: its times and these overlap, and neither explains the alert alone`,
    );
  const before = alert.firings.find(
    ({ firedMs, resolvedMs }) =>
      firedMs.fromMs < times.started.fromMs && (resolvedMs?.toMs ?? Infinity) > times.started.fromMs,
  );
  if (before !== undefined)
    return judged('not-judgeable', `it was firing already when the fault began, since ${at(before.firedMs)}`);
  const [firing, second] = firingsOf(fault, alert);
  if (firing === undefined) return judgeSilence(timing, deadlines, alert);
  if (deadlines.fire === null)
    return judged('unexpected', `it fired at ${at(firing.firedMs)}, although ${deadlines.why}`);
  if (second !== undefined)
    return judged(
      'flapping',
      `it fired at ${at(firing.firedMs)} and again at ${at(second.firedMs)}, for one fault`,
    );
  return judgeFiring(firing, deadlines.fire, deadlines.resolve, alert.watched);
}

/** Those that begin while the fault can be seen. */
function firingsOf({ deadlines, times }: ExpectedFault, { firings }: ObservedAlert): Firing[] {
  return firings.filter(
    ({ firedMs }) => firedMs.fromMs >= times.started.fromMs && firedMs.fromMs <= deadlines.concerns.toMs,
  );
}

function judgeFiring(
  { firedMs, resolvedMs }: Firing,
  fire: Deadline,
  resolve: Deadline | null,
  watched: Span,
): Judged {
  const fired = judgeTime('fired', firedMs, fire);
  if (fired.verdict !== 'in-time') return fired;
  if (resolve === null)
    return judged(
      'not-judgeable',
      `${fired.why}; when it has to resolve is not known, for the load is known no further`,
    );
  if (resolvedMs === null && watched.toMs < resolve.toMs)
    return judged(
      'not-judgeable',
      `${fired.why}; it was watched to ${Math.round(watched.toMs)} ms, and may fire until ${Math.round(resolve.toMs)} ms`,
    );
  if (resolvedMs === null)
    return judged(
      'late',
      `${fired.why}; it had to resolve by ${Math.round(resolve.toMs)} ms, and was firing to the end`,
    );
  const resolved = judgeTime('resolved', resolvedMs, resolve);
  return { verdict: resolved.verdict, why: `${fired.why}; it ${resolved.why}` };
}

/** Certainly outside, certainly inside, or neither. */
function judgeTime(what: string, seen: Span, legal: Span): Judged {
  const why = `${what} at ${at(seen)}, legally ${at(legal)}`;
  if (seen.toMs < legal.fromMs) return judged('early', why);
  if (seen.fromMs > legal.toMs) return judged('late', why);
  if (seen.fromMs >= legal.fromMs && seen.toMs <= legal.toMs) return judged('in-time', why);
  return judged('not-judgeable', `${why}: it was not looked at often enough to tell`);
}

function judgeSilence(
  { forMs, evaluationIntervalMs }: RuleTiming,
  deadlines: Deadlines,
  { conditionHeld }: ObservedAlert,
): Judged {
  if (deadlines.firing === 'never') return judged('rightly-silent', `it did not fire, and ${deadlines.why}`);
  if (deadlines.firing === 'may')
    return judged('not-judgeable', `it did not fire, and need not: ${deadlines.why}`);
  if (conditionHeld === null)
    return judged(
      'not-judgeable',
      'it did not fire, and nobody asked whether its condition held: that is either a rule that is not what it is taken for, or Prometheus',
    );
  const neededMs = upToEvaluation(forMs, evaluationIntervalMs);
  const longestMs = conditionHeld.reduce((longest, span) => {
    const part = overlap(span, deadlines.concerns);
    return part === null ? longest : Math.max(longest, part.toMs - part.fromMs);
  }, -1);
  if (longestMs < 0)
    return judged('condition-never-true', 'its condition never held, so the rule cannot see this fault');
  return longestMs < neededMs
    ? judged(
        'condition-never-true',
        `its condition held for ${Math.round(longestMs)} ms at a time at most, and it takes ${neededMs} ms to fire`,
      )
    : judged(
        'missing',
        `its condition held for ${Math.round(longestMs)} ms, and ${neededMs} ms make it fire`,
      );
}

/** Without a fault: silence says something only of a time in which a condition that held all along would have fired. */
function silence(timing: RuleTiming, alert: ObservedAlert): Judged {
  const { condition, forMs, scrapeIntervalMs, evaluationIntervalMs } = timing;
  const blind = unseen(alert, alert.watched);
  if (blind !== null) return blind;
  const neededMs =
    (thresholdWindow(condition)?.windowMs ?? 0) +
    upToEvaluation(forMs, evaluationIntervalMs) +
    scrapeIntervalMs +
    evaluationIntervalMs;
  const watchedMs = alert.watched.toMs - alert.watched.fromMs;
  if (neededMs === Infinity)
    return judged('not-judgeable', 'it did not fire, and how far back its expression looks is not known');
  if (!(watchedMs >= neededMs))
    return judged(
      'not-judgeable',
      `it did not fire, and was watched for ${Math.round(watchedMs)} ms only: it may take ${neededMs} ms to fire (window, for, a scrape and an evaluation)`,
    );
  return judged('rightly-silent', `it did not fire from ${at(alert.watched)}, and there was no fault`);
}

/** Why nothing can be said of a time; null: all of it was seen. */
function unseen({ watched, gaps, health, lastError }: ObservedAlert, concerns: Span): Judged | null {
  if (health !== 'ok')
    return judged(
      'not-judgeable',
      health === 'err' ? `the rule cannot be evaluated: ${lastError}` : 'the rule was never evaluated',
    );
  if (!(watched.toMs > watched.fromMs)) return judged('not-judgeable', 'it was not watched');
  if (watched.fromMs > concerns.fromMs || watched.toMs < concerns.toMs)
    return judged('not-judgeable', `it was watched from ${at(watched)}, and ${at(concerns)} is needed`);
  const gap = gaps.find((found) => overlap(found, concerns) !== null);
  return gap === undefined ? null : judged('not-judgeable', `${gap.what} at ${at(gap)}`);
}

function overlap(a: Span, b: Span): Span | null {
  const both = { fromMs: Math.max(a.fromMs, b.fromMs), toMs: Math.min(a.toMs, b.toMs) };
  return both.fromMs <= both.toMs ? both : null;
}

function judged(verdict: AlertVerdict, why: string): Judged {
  return { verdict, why };
}

function at(span: Span): string {
  const [from, to] = [Math.round(span.fromMs), Math.round(span.toMs)];
  return from === to ? `${from} ms` : `${from}..${to} ms`;
}
