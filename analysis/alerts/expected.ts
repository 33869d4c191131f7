/** What each fault of a run asks of an alert, by the load as its generator wrote it down. */
import { formatDuration } from '../../record/duration.ts';
import { figure } from '../../record/report.ts';
import type { FaultView } from '../faults.ts';
import type { RunView } from '../view.ts';
import { type Deadline, deadlineOf, type Deadlines, term } from './deadline.ts';
import { deadlines } from './deadlines.ts';
import type { ExpectedFault } from './judge.ts';
import { ledgerDeadlines } from './ledger-deadlines.ts';
import { type CountedLoad, countLoad } from './ledger-load.ts';
import type { LoadBin, Window } from './phases.ts';
import {
  type FaultTimes,
  NO_DELAYS,
  type RuleTiming,
  type Span,
  thresholdWindow,
  upToEvaluation,
} from './timing.ts';
import { type AlertView, spanOf } from './view.ts';

/** Bins in a scrape interval: deadlines are exact to two of them. */
const BINS_A_SCRAPE = 5;
const MAX_BIN_MS = 1_000;

/** `slowerThanMs`: a request is bad when it takes longer; without it, when it is answered by a server error. */
export interface Bad {
  slowerThanMs: number | undefined;
}

/** Of every fault whose beginning and end were seen. The string says why no deadline can be given. */
export function expectedFaults(view: RunView, alert: AlertView, bad: Bad): ExpectedFault[] | string {
  const expected: ExpectedFault[] = [];
  for (const fault of view.faults) {
    const times = timesOf(fault);
    if (times === null) continue;
    const found = deadlinesOf(view, alert, times, bad);
    if (typeof found === 'string') return found;
    expected.push({ name: fault.name, times, deadlines: found });
  }
  return expected;
}

function timesOf({ actingFromMs, goneAtMs }: FaultView): FaultTimes | null {
  return actingFromMs && goneAtMs && { started: spanOf(actingFromMs), ended: spanOf(goneAtMs) };
}

function deadlinesOf(view: RunView, alert: AlertView, times: FaultTimes, bad: Bad): Deadlines | string {
  const { timing, timed, rule } = alert;
  if (timed.condition === null) return timed.why;
  const delays = {
    ...NO_DELAYS,
    scrapeDurationMs: rule.scrapeDurationMs,
    evaluationDurationMs: rule.evaluationDurationMs,
    // Nobody knows whether the counter was there before.
    seriesCreatedByFault: timed.of !== null,
  };
  const window = thresholdWindow(timed.condition);
  if (timed.of === null || window === null)
    return deadlines(timing, times, 1, { ...delays, countedLateMs: timed.staleMs });
  if (window.windowMs < 2 * timing.scrapeIntervalMs)
    return `its window of ${window.windowMs} ms holds fewer than two scrapes, one every ${timing.scrapeIntervalMs} ms`;
  const { watched } = alert.observed;
  // Also for the sake of memory: nobody watches for a month, and such a window would be laid out in seconds.
  if (window.windowMs > watched.toMs - watched.fromMs)
    return `its window of ${formatDuration(window.windowMs)} is longer than it was watched, which was for ${formatDuration(watched.toMs - watched.fromMs)}`;
  const load = countLoad(view, reachOf(timing, times, window.windowMs), { ...bad, binMs: binMsOf(timing) });
  if (typeof load === 'string') return load;
  const by = (bins: readonly LoadBin[]) => {
    const share = timed.of === 'requests' ? bins : perSecond(bins, load);
    const found = ledgerDeadlines(
      timing,
      times,
      { ...load, bins: share },
      { ...delays, countedLateMs: load.unansweredMs },
    );
    return found.firing === 'never' ? { ...found, why: farWords(share, load.binMs, window) } : found;
  };
  return load.unansweredMs === 0
    ? by(load.answered)
    : either(by(load.answered), by(load.withUnanswered), load.unansweredMs);
}

/** From the first window that the fault touches to the last moment at which it can be seen. */
function reachOf(timing: RuleTiming, { started, ended }: FaultTimes, windowMs: number): Span {
  const { scrapeIntervalMs, evaluationIntervalMs, keepFiringForMs } = timing;
  return {
    fromMs: started.fromMs - windowMs,
    toMs:
      ended.toMs +
      windowMs +
      2 * scrapeIntervalMs +
      evaluationIntervalMs +
      upToEvaluation(keepFiringForMs, evaluationIntervalMs),
  };
}

function binMsOf({ scrapeIntervalMs }: RuleTiming): number {
  return Math.min(MAX_BIN_MS, scrapeIntervalMs / BINS_A_SCRAPE);
}

/** For a threshold in events a second the whole is time. */
function perSecond(bins: readonly LoadBin[], { binMs }: CountedLoad): LoadBin[] {
  return bins.map(({ bad }) => ({ bad, all: binMs / 1_000 }));
}

/** How near the load came to the threshold. */
function farWords(bins: readonly LoadBin[], binMs: number, { windowMs, threshold }: Window): string {
  const width = Math.max(1, Math.round(windowMs / binMs));
  let [bad, all, most] = [0, 0, 0];
  for (const [i, bin] of bins.entries()) {
    const left = bins[i - width];
    bad += bin.bad - (left?.bad ?? 0);
    all += bin.all - (left?.all ?? 0);
    if (i >= width - 1 && all > 0) most = Math.max(most, bad / all);
  }
  return (
    `by the ledger ${figure(most)} of a window of ${formatDuration(windowMs)} was bad at most, ` +
    `and more than ${figure(threshold)} is needed for long enough`
  );
}

/** Whether the system counted what it did not answer is not known, nor when: what holds either way. */
function either(a: Deadlines, b: Deadlines, unansweredMs: number): Deadlines {
  const fires = [a, b].filter(({ fire }) => fire !== null);
  return {
    ...a,
    firing: a.firing === b.firing ? a.firing : 'may',
    why: a.why === b.why ? a.why : `${a.why}; with the requests that got no answer: ${b.why}`,
    fire: hull(
      fires.map(({ fire }) => fire),
      unansweredMs,
    ),
    resolve: hull(
      fires.map(({ resolve }) => resolve),
      unansweredMs,
    ),
  };
}

/** Null where one of them is not known. */
function hull(found: readonly (Deadline | null)[], unansweredMs: number): Deadline | null {
  const known = found.filter((deadline) => deadline !== null);
  if (known.length === 0 || known.length < found.length) return null;
  return deadlineOf([
    term(
      'over all phases',
      Math.min(...known.map(({ fromMs }) => fromMs)),
      Math.max(...known.map(({ toMs }) => toMs)),
    ),
    term('a request without an answer counts from its beginning on', -unansweredMs, 0),
  ]);
}
