/** What each proven fault of a run cost: data, time, service. From the saved record alone; it judges nothing. */
import type { VerdictFile } from '../../record/model.ts';
import { percent, seconds, unproven } from '../check.ts';
import { type FaultView, type Interval, seenUntilMs } from '../faults.ts';
import { journeyAccount } from '../journeys/accounted.ts';
import { BIN_MS, scheduled } from '../timeline.ts';
import type { RunView } from '../view.ts';
import { actedMs } from './acting.ts';
import { lossPart, lostAtRest, lostIn } from './loss.ts';
import { type Figure, type Part, secondsFigure } from './part.ts';
import { podsPart } from './pods.ts';
import { repeated } from './repeated.ts';
import { budgetBurnt, type ServiceCost, serviceCost } from './service.ts';

type CostRow = NonNullable<VerdictFile['costs']>[number];

interface FaultCosts {
  rows: CostRow[];
  figures: Figure[];
}

/**
 * One row a fault, and one for each kind that was played several times. A fault without proof has a row that says so, and no figures.
 * `alertsFiringMs`: when alerts began to fire, on the run's clock; absent: no alert was watched.
 */
export function faultCosts(view: RunView, alertsFiringMs?: readonly number[]): FaultCosts {
  const rows: CostRow[] = [];
  const figures: Figure[] = [];
  const clean = new Map<FaultView, boolean>();
  const leftOut: FaultView[] = [];
  const journeys = view.faults.length === 0 ? null : journeysWrong(view);
  for (const fault of view.faults) {
    const why = fault.planned.notRun ?? unproven(fault);
    if (why !== null || fault.actingFromMs === null) {
      const row = { fault: fault.name, data: [`nothing can be said: ${why}`], time: [], service: [] };
      rows.push(row);
      leftOut.push(fault);
      continue;
    }
    const startMs = fault.actingFromMs[0];
    const cost = serviceCost(view, fault, startMs);
    const data = lossPart(view, fault);
    const time = [
      typeof cost === 'string' ? notSeen(cost) : clientsPart(fault, fault.actingFromMs, cost),
      podsPart(view, fault, startMs),
      detectionPart(view, fault, startMs, alertsFiringMs),
    ];
    const service = typeof cost === 'string' ? notSeen(cost) : servicePart(view, fault, cost);
    const others = alsoActing(view, fault, typeof cost === 'string' ? startMs : cost.windowMs[1]);
    rows.push({
      fault: fault.name,
      data: [...data.words, ...(journeys ?? [])],
      time: time.flatMap(({ words }) => words),
      service: [...service.words, ...others.map((name) => `${name} acted meanwhile, too`)],
    });
    for (const part of [data, ...time, service])
      figures.push(...part.figures.map((figure) => ({ ...figure, fault: fault.name })));
    const isBack = typeof cost !== 'string' && cost.rto.kind === 'back';
    const isAtRisk = (view.account.atRisk[fault.name] ?? 0) > 0;
    // One that lasts and was never seen gone is nothing anybody recovered from yet.
    const isOver = fault.momentary || fault.goneAtMs !== null;
    const isKept = lostIn(view, fault.name) === 0 && lostAtRest(view, fault) === null && journeys === null;
    clean.set(fault, isOver && isBack && isAtRisk && isKept);
  }
  for (const { words, figure, kind } of repeated(clean, leftOut)) {
    rows.push({ fault: `every ${kind}`, data: [], time: [words], service: [] });
    if (figure) figures.push(figure);
  }
  return { rows, figures };
}

/** What became of the journeys, where that is not known to be good. Any fault may have done it. Null = each is well, or none is told. */
function journeysWrong(view: RunView): string[] | null {
  if (view.states.length === 0) return null;
  const { lost, broken, doubts } = journeyAccount(view);
  const count = Object.values(broken).reduce((sum, writes) => sum + writes.count, lost.count);
  if (count > 0) return [`journeys and events lost or broken in the whole run: ${count}`];
  return doubts.length > 0 ? ['what became of each journey is not known'] : null;
}

function notSeen(why: string): Part {
  return { figures: [], words: [`clients: ${why}`] };
}

function clientsPart({ name, goneAtMs }: FaultView, actingFromMs: Interval, cost: ServiceCost): Part {
  const { impactMs, rto, endedBy } = cost;
  const around = aroundWords(actingFromMs);
  const impact = impactMs === null ? [] : [`first bad second: after ${seconds(impactMs)} ${around}`];
  const back = rto.kind === 'back' ? rto : null;
  const fromEndMs = back?.fromEndMs ?? null;
  let words: string;
  if (rto.kind === 'not known') words = `not known (${rto.why})`;
  else if (rto.kind === 'never') words = `> ${seconds(rto.longerThanMs)} (not seen before ${endedBy})`;
  else if (impactMs === null) words = `no bad second ${around}`;
  else words = `<= ${seconds(rto.tookMs)} ${around}`;
  if (fromEndMs !== null && goneAtMs !== null)
    words += `, ${seconds(Math.abs(fromEndMs))} ${fromEndMs < 0 ? 'before' : 'after'} its end ${aroundWords(goneAtMs)}`;
  if (back?.badAgain === true) words += ', bad again later';
  return {
    figures: [
      secondsFigure(`RTO of ${name}, clients`, back?.tookMs ?? null),
      ...(fromEndMs === null ? [] : [secondsFigure(`RTO of ${name}, clients, from its end`, fromEndMs)]),
      ...(impactMs === null ? [] : [secondsFigure(`time to impact of ${name}`, impactMs)]),
    ],
    words: [`clients: ${words}`, ...impact],
  };
}

/** The resolution of a time that was taken between a look of the fault's proof and a one-second bin. */
function aroundWords([fromMs, toMs]: Interval): string {
  return `+- ${seconds(BIN_MS + toMs - fromMs)}`;
}

/** To the first alert that began to fire after the earliest start of the fault, and before the next one. */
function detectionPart(
  { faults, events }: RunView,
  fault: FaultView,
  startMs: number,
  alertsFiringMs: readonly number[] | undefined,
): Part {
  if (alertsFiringMs === undefined) return { figures: [], words: ['no alert was watched'] };
  const untilMs = seenUntilMs(fault, faults, { toMs: events.at(-1)?.at ?? startMs });
  const inTime = alertsFiringMs.filter((atMs) => atMs >= startMs && atMs < untilMs);
  const tookMs = inTime.length === 0 ? null : Math.min(...inTime) - startMs;
  return {
    figures: [secondsFigure(`time to detect ${fault.name}`, tookMs)],
    words: [
      tookMs === null ? `no alert in ${seconds(untilMs - startMs)}` : `first alert: after ${seconds(tookMs)}`,
    ],
  };
}

function servicePart({ plan, judged }: RunView, { name }: FaultView, cost: ServiceCost): Part {
  const { total, worstShare, badMs, silentMs, before, windowMs } = cost;
  const objective = plan.scenario.good.served;
  const asked = scheduled(total);
  const share = asked === 0 ? null : total.served / asked;
  const unsent = total.dropped > 0 ? ` (${total.dropped} were never sent)` : '';
  const burnt = budgetBurnt(asked - total.served, objective, judged?.ratePerS ?? 0);
  const steady =
    before === null
      ? 'no steady second right before'
      : `${percent(before.share)} in ${seconds(before.lengthMs)} right before`;
  return {
    figures: [
      { name: `served during ${name}`, value: share, unit: 'share of arrivals' },
      { name: `served before ${name}`, value: before?.share ?? null, unit: 'share of arrivals' },
      {
        name: `worst ten seconds of ${name}`,
        value: share === null ? null : worstShare,
        unit: 'share of arrivals',
      },
      secondsFigure(`bad seconds of ${name}`, badMs),
      { name: `budget burnt by ${name}`, value: burnt, unit: 'share of 30 days' },
    ],
    words: [
      `${share === null ? 'nothing due' : percent(share)} of ${asked}${unsent} served in ${seconds(windowMs[1] - windowMs[0])}; ${steady}`,
      `${seconds(badMs)} bad${silentMs > 0 ? `, ${seconds(silentMs)} without a write` : ''}; worst ten seconds: ${percent(worstShare)}`,
      burnt === null
        ? `an objective of ${percent(objective)} has no budget`
        : `${burnt === 0 ? 'nothing' : percent(burnt)} of the 30-day budget of ${percent(objective)} burnt`,
    ],
  };
}

/** Other faults that acted in the same stretch: what is counted there, or was cut off, is not this one's alone. */
function alsoActing({ faults }: RunView, fault: FaultView, countedToMs: number): string[] {
  const own = actedMs(fault);
  return faults.flatMap((other) => {
    const acted = other === fault ? null : actedMs(other);
    if (own === null || acted === null) return [];
    return acted[0] < Math.max(own[1], countedToMs) && acted[1] > own[0] ? [other.name] : [];
  });
}
