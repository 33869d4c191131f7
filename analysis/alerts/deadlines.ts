/**
 * The earliest and the latest moment at which an alert may legitimately fire and resolve, for a fault that makes a constant share of
 * requests bad. W window, S scrape interval, E evaluation interval, F `for`, K `keep_firing_for`, c = threshold / share, and up(x) = the
 * next multiple of E:
 *
 *   fire     started + [ c (W - 2S)       + up(F) ,  c W       + S + E + up(F) ]
 *   resolve  ended   + [ (1 - c) (W - 2S) + up(K) ,  (1 - c) W + S + E + up(K) ]     after a fault of at least W
 *
 * The newest and the oldest sample of a window lie up to S within it, so it spans W - 2S to W. A sample is taken up to S after the
 * condition turns, and looked at up to E after that. e2e/alert-deadlines.e2e.ts holds these bounds against Prometheus itself.
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
import {
  type Delays,
  type FaultTimes,
  NO_DELAYS,
  type RuleTiming,
  upToEvaluation,
  thresholdWindow,
} from './timing.ts';

/**
 * @param share of requests that the fault makes bad, 0 before and after: 0 to 1 (for a rate alone: events a second). For a gauge and for
 *   `up` it is not used: the fault turns the condition.
 * @throws UsageError for a window that holds fewer than two samples, and for a share that is none
 */
export function deadlines(
  timing: RuleTiming,
  times: FaultTimes,
  share: number,
  delays: Delays = NO_DELAYS,
): Deadlines {
  const { condition, scrapeIntervalMs, evaluationIntervalMs, forMs } = timing;
  const window = thresholdWindow(condition);
  const windowMs = window?.windowMs ?? 0;
  if (window !== null && windowMs < 2 * scrapeIntervalMs)
    throw new UsageError(
      `a window of ${windowMs} ms with a scrape every ${scrapeIntervalMs} ms holds fewer than two samples most of the time, so no deadline can be given: make the window at least twice, better four times the scrape interval`,
    );
  // NaN is what a fault without any request divides to: no share at all, and not one that is too small.
  if (window !== null && !(share >= 0 && Number.isFinite(share)))
    throw new UsageError(
      `a share of ${share} is none: it is bad requests over all requests while the fault acts, so there have to be some; give 0 or more`,
    );
  const lateMs = deadlineOf(delayTerms(delays)).toMs;
  const concerns = {
    fromMs: times.started.fromMs - windowMs,
    // Whatever fires because of the fault has fired, and is over, one window after it.
    toMs: times.ended.toMs + windowMs + scrapeIntervalMs + evaluationIntervalMs + lateMs + keepMs(timing),
  };
  if (window !== null && !(share > window.threshold))
    return noDeadlines(
      `the fault makes a share of ${share} bad, and the condition needs more than ${window.threshold}`,
      concerns,
    );
  // Share of the window that the fault has to fill before the condition holds.
  const crossing = window === null ? 0 : window.threshold / share;
  const shortestWindowMs = Math.max(0, windowMs - 2 * scrapeIntervalMs);
  const waitMs = upToEvaluation(forMs, evaluationIntervalMs);
  const fire = fireDeadline(timing, times, delays, [crossing * shortestWindowMs, crossing * windowMs]);
  const minimumFaultMs = fire.toMs - times.started.toMs;

  const shortestMs = times.ended.fromMs - times.started.toMs;
  const longestMs = times.ended.toMs - times.started.fromMs;
  // How long the condition can hold at most, from the earliest evaluation that sees it to the latest that does.
  const holdsMs =
    longestMs + lateMs + (1 - crossing) * windowMs + scrapeIntervalMs - crossing * shortestWindowMs;
  if (longestMs <= crossing * shortestWindowMs || holdsMs < waitMs)
    return noDeadlines(
      `a fault of ${Math.round(longestMs)} ms is too short: the condition cannot hold for ${waitMs} ms`,
      concerns,
    );
  const firing = shortestMs >= minimumFaultMs ? 'must' : 'may';
  const whole = shortestMs >= windowMs;
  return {
    firing,
    why:
      firing === 'must'
        ? `the fault lasted ${Math.round(shortestMs)} ms, and ${Math.round(minimumFaultMs)} ms make it fire whatever the phases`
        : `the fault lasted ${Math.round(shortestMs)} ms, and only ${Math.round(minimumFaultMs)} ms make it fire whatever the phases`,
    fire,
    resolve: resolveDeadline(timing, times, delays, {
      threshold: [(1 - crossing) * shortestWindowMs, (1 - crossing) * windowMs],
      // A shorter fault leaves the window's edge to chance: then only the order of evaluations bounds it from below.
      notBeforeMs: whole ? null : fire.fromMs + Math.max(evaluationIntervalMs, keepMs(timing)),
    }),
    minimumFaultMs,
    concerns,
  };
}

function keepMs({ keepFiringForMs, evaluationIntervalMs }: RuleTiming): number {
  return upToEvaluation(keepFiringForMs, evaluationIntervalMs);
}

function fireDeadline(
  timing: RuleTiming,
  { started }: FaultTimes,
  delays: Delays,
  threshold: [number, number],
): Deadline {
  const { condition, scrapeIntervalMs, evaluationIntervalMs, forMs } = timing;
  const waitMs = upToEvaluation(forMs, evaluationIntervalMs);
  return deadlineOf([
    { name: 'the fault starts', ...started },
    term('the windowed share crosses the threshold', ...threshold),
    ...sampling(timing, delays),
    firstIncrementTerm(delays, scrapeIntervalMs),
    term('the scrape times out', 0, condition.kind === 'target-down' ? condition.scrapeTimeoutMs : 0),
    term('for', waitMs, waitMs),
  ]);
}

function resolveDeadline(
  timing: RuleTiming,
  { ended }: FaultTimes,
  delays: Delays,
  { threshold, notBeforeMs }: { threshold: [number, number]; notBeforeMs: number | null },
): Deadline {
  const terms = [
    { name: 'the fault ends', ...ended },
    term('the windowed share falls to the threshold', ...threshold),
    ...sampling(timing, delays),
    term('keep_firing_for', keepMs(timing), keepMs(timing)),
  ];
  const deadline = deadlineOf(terms);
  if (notBeforeMs === null) return deadline;
  const earlierMs = Math.max(0, deadline.fromMs - notBeforeMs);
  return deadlineOf([...terms, term('a fault shorter than the window', -earlierMs, 0)]);
}

/** From the moment at which the condition turns to the evaluation that sees it. */
function sampling(timing: RuleTiming, delays: Delays): Term[] {
  return [
    term('the next scrape', 0, timing.scrapeIntervalMs),
    term('the next evaluation', 0, timing.evaluationIntervalMs),
    ...delayTerms(delays),
  ];
}
