/**
 * What clients saw of a fault, in one-second bins of the judged load by intended start: time to impact, time until they are served again
 * (RTO), availability while it lasted. A bin is good by the scenario's `good`.
 */
import { type FaultView, type Interval, seenUntilMs } from '../faults.ts';
import {
  type Bin,
  binsTouching,
  type Counts,
  firstGoodRun,
  type Good,
  isGood,
  scheduled,
  sum,
  type Timeline,
  worstTenSeconds,
} from '../timeline.ts';
import type { RunView } from '../view.ts';

export interface ServiceCost {
  /** From the earliest start of the fault to its first bad second, ms; null = none was seen bad. */
  impactMs: number | null;
  rto: Rto;
  /** From the fault's start until it is gone and recovered from, or to the end of what can be seen. */
  windowMs: Interval;
  /** What ended the sight of it, where it did not recover. */
  endedBy: 'the next fault' | 'the end of the load';
  total: Counts;
  worstShare: number;
  badMs: number;
  /** Of the window, in which nothing was due, or sent in time: neither good nor bad. */
  silentMs: number;
  /** The stretch of the same length right before it, as far as it is outside other windows; null = there is none. */
  before: { share: number; lengthMs: number } | null;
}

type Rto =
  /** `fromEndMs`: from the end of a fault that lasts, negative when clients were served before; null = no end was seen, or it has no length. */
  | { kind: 'back'; tookMs: number; fromEndMs: number | null; badAgain: boolean }
  | { kind: 'never'; longerThanMs: number }
  | { kind: 'not known'; why: string };

/** Or why nothing can be said. */
export function serviceCost(view: RunView, fault: FaultView, startMs: number): ServiceCost | string {
  const { timeline, faults } = view;
  const { good } = view.plan.scenario;
  if (timeline === null) return 'no judged load was started';
  const untilMs = seenUntilMs(fault, faults, timeline);
  const visible = binsTouching(timeline, startMs, untilMs).filter((bin) => bin.toMs <= untilMs);
  const closedMs = Math.max(startMs, fault.windowMs?.[1] ?? startMs);
  if (visible.length === 0) return 'the load, or what could be seen of it, had ended when it began to act';
  if (scheduled(sum(visible)) === 0) return 'no write was due that could have seen it';

  const window = visible.filter(({ fromMs }) => fromMs < closedMs);
  const firstBad = window.find((bin) => isGood(bin, good) === false);
  const backAtMs = firstGoodRun(visible.slice(firstBad ? visible.indexOf(firstBad) : 0), good);
  const toMs = firstBad && backAtMs === null ? untilMs : Math.max(closedMs, firstBad ? (backAtMs ?? 0) : 0);
  const bins = visible.filter(({ fromMs }) => fromMs < toMs);
  const isBad = (bin: Bin) => isGood(bin, good) === false;
  return {
    impactMs: firstBad ? Math.max(0, firstBad.fromMs - startMs) : null,
    rto: firstBad
      ? afterImpact(visible, backAtMs, { fault, startMs, toMs, good })
      : withoutImpact(visible, window, backAtMs, good),
    windowMs: [startMs, toMs],
    endedBy: untilMs < timeline.toMs ? 'the next fault' : 'the end of the load',
    total: sum(bins),
    worstShare: worstTenSeconds(bins)?.share ?? 0,
    badMs: lengthMs(bins.filter(isBad)),
    silentMs: lengthMs(bins.filter((bin) => isGood(bin, good) === null)),
    before: steadyBefore(view, timeline, fault, bins.length),
  };
}

interface Sight {
  fault: FaultView;
  startMs: number;
  toMs: number;
  good: Good;
}

/** A fault may take some seconds to be felt: good ones before its first bad second are no recovery. */
function afterImpact(
  visible: readonly Bin[],
  backAtMs: number | null,
  { fault, startMs, toMs, good }: Sight,
): Rto {
  const bad = visible.filter((bin) => isGood(bin, good) === false);
  // Good seconds at the very end may be the first of a recovery that nobody saw.
  if (backAtMs === null) return { kind: 'never', longerThanMs: (bad.at(-1)?.toMs ?? startMs) - startMs };
  return {
    kind: 'back',
    tookMs: Math.max(0, backAtMs - startMs),
    fromEndMs: fault.momentary || fault.goneAtMs === null ? null : backAtMs - fault.goneAtMs[0],
    badAgain: bad.some(({ fromMs }) => fromMs > backAtMs && fromMs < toMs),
  };
}

/** That no second was seen bad is worth something only where enough of them were seen good, and none went unseen. */
function withoutImpact(
  visible: readonly Bin[],
  window: readonly Bin[],
  goodFromMs: number | null,
  good: Good,
): Rto {
  const silentMs = lengthMs(window.filter((bin) => isGood(bin, good) === null));
  if (silentMs > 0)
    return { kind: 'not known', why: `${silentMs / 1_000} s hold no write, or none sent in time` };
  if (goodFromMs === null)
    return { kind: 'not known', why: `only ${visible.length} s could be seen, ${good.bins} are asked` };
  return { kind: 'back', tookMs: 0, fromEndMs: null, badAgain: false };
}

function lengthMs(bins: readonly Bin[]): number {
  return bins.reduce((total, bin) => total + bin.toMs - bin.fromMs, 0);
}

function steadyBefore(
  { faults }: RunView,
  timeline: Timeline,
  fault: FaultView,
  count: number,
): ServiceCost['before'] {
  const intentMs = fault.intentAtMs ?? timeline.fromMs;
  const earlier = timeline.bins.filter(({ toMs }) => toMs <= intentMs).toReversed();
  const disturbed = earlier.findIndex((bin) =>
    faults.some(
      ({ name, windowMs }) =>
        name !== fault.name && windowMs && bin.toMs > windowMs[0] && bin.fromMs < windowMs[1],
    ),
  );
  const bins = earlier.slice(0, Math.min(count, disturbed < 0 ? count : disturbed));
  const total = sum(bins);
  const asked = scheduled(total);
  return asked === 0 ? null : { share: total.served / asked, lengthMs: lengthMs(bins) };
}

const BUDGET_DAYS = 30;

/**
 * Bad events as a share of what an objective allows in 30 days at this rate: bad / ((1 - SLO) x rate x 30 d)
 * (Site Reliability Workbook, ch. 5, https://sre.google/workbook/alerting-on-slos/). Null: the objective allows none, or there is no rate.
 */
export function budgetBurnt(bad: number, objective: number, ratePerS: number): number | null {
  const allowed = (1 - objective) * ratePerS * BUDGET_DAYS * 86_400;
  return allowed > 0 ? bad / allowed : null;
}
