/**
 * Deadlines for a load that is not constant: in place of the formula for a constant share, the load as its own generator wrote it down,
 * second by second, put through the rule for every phase of scrapes and evaluations.
 */
import { UsageError } from '../../record/model.ts';
import {
  type Deadline,
  deadlineOf,
  type Deadlines,
  delayTerms,
  firstIncrementTerm,
  noDeadlines,
  type Term,
  term,
} from './deadline.ts';
import { type Cycle, cycles, type Load } from './phases.ts';
import { type Delays, type FaultTimes, NO_DELAYS, type RuleTiming, thresholdWindow } from './timing.ts';

/**
 * @param load bad and all requests in bins of at most a second, from one window before the fault to its end at least; what it does not
 *   cover of the time after, no deadline is given for
 * @throws UsageError for a condition that looks at no window, and for a load that does not cover the fault
 */
export function ledgerDeadlines(
  timing: RuleTiming,
  times: FaultTimes,
  load: Load,
  delays: Delays = NO_DELAYS,
): Deadlines {
  const window = thresholdWindow(timing.condition);
  if (window === null)
    throw new UsageError(
      `a condition of kind ${timing.condition.kind} looks at no window, so the load has no part in its deadlines: use those of a constant share`,
    );
  const endMs = load.fromMs + load.bins.length * load.binMs;
  const dependsFromMs = times.started.fromMs - window.windowMs;
  if (load.fromMs > dependsFromMs || endMs < times.ended.toMs)
    throw new UsageError(
      `the load is known from ${load.fromMs} to ${endMs} ms, and the alert depends on ${dependsFromMs} to ${times.ended.toMs} ms: let the load begin a window earlier`,
    );
  const concerns = { fromMs: dependsFromMs, toMs: endMs };
  const found = cycles(timing, window, load, times.started.fromMs);
  const fired = found.flatMap(({ firedMs }) => firedMs ?? []);
  if (fired.length === 0)
    return noDeadlines('in no phase does the load hold the condition for long enough', concerns);
  const late = [...delayTerms(delays), firstIncrementTerm(delays, timing.scrapeIntervalMs)];
  // What is late may be seen for that much less: only what fires even so fires whatever the phases.
  const marginMs = deadlineOf([...late, binsTerm(load)]).toMs;
  const patient = { ...timing, forMs: timing.forMs + marginMs };
  const must =
    fired.length === found.length &&
    cycles(patient, window, load, times.started.fromMs).every(({ firedMs }) => firedMs !== null);
  return {
    firing: must ? 'must' : 'may',
    why: `it fires in ${fired.length} of ${found.length} phases of scrapes and evaluations${must ? '' : `, and not in all of them when it is seen ${Math.round(marginMs)} ms late`}`,
    fire: deadlineOf([...phaseTerms(fired, load), ...late]),
    resolve: resolveDeadline(found, load, delays),
    minimumFaultMs: null,
    concerns,
  };
}

/** Null where a phase that fired does not resolve before the end of what is known. */
function resolveDeadline(found: readonly Cycle[], load: Load, delays: Delays): Deadline | null {
  const fired = found.filter(({ firedMs }) => firedMs !== null);
  const resolved = fired.flatMap(({ resolvedMs }) => resolvedMs ?? []);
  return resolved.length < fired.length
    ? null
    : deadlineOf([...phaseTerms(resolved, load), ...delayTerms(delays)]);
}

/** Times in steps of a bin: the true phases lie up to a bin off in scrapes, and another one in evaluations. */
function phaseTerms(atMs: readonly number[], load: Load): Term[] {
  return [term('over all phases', Math.min(...atMs), Math.max(...atMs)), binsTerm(load)];
}

function binsTerm({ binMs }: Load): Term {
  return term('bins of the load', -2 * binMs, 2 * binMs);
}
