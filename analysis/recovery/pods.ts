/** RTO of a fault as the control plane shows it: until as many pods are ready in the Service's endpoints as before it. */
import { gapName } from '../../record/watch-log.ts';
import { seconds } from '../check.ts';
import { type FaultView, seenUntilMs } from '../faults.ts';
import { eventsOf } from '../load-view.ts';
import type { RunView } from '../view.ts';
import { type Part, secondsFigure } from './part.ts';

/** `startMs`: the earliest start of the fault. A last dip that begins in the fault's window counts, since a rollout has several. */
export function podsPart(view: RunView, fault: FaultView, startMs: number): Part {
  const { tookMs, words } = podsBack(view, fault, startMs);
  return { figures: [secondsFigure(`RTO of ${fault.name}, pods`, tookMs)], words: [`pods: ${words}`] };
}

interface PodsBack {
  tookMs: number | null;
  words: string;
}

function podsBack(view: RunView, fault: FaultView, startMs: number): PodsBack {
  const { events, faults } = view;
  const intentMs = fault.intentAtMs ?? startMs;
  const undoMs = eventsOf(events, 'phase').find(({ phase }) => phase === 'undo')?.at;
  const untilMs = seenUntilMs(fault, faults, { toMs: undoMs ?? events.at(-1)?.at ?? startMs });
  const told = eventsOf(events, 'endpoints');
  const before = told.findLast(({ at }) => at <= intentMs);
  const later = told.filter(({ at }) => at > intentMs && at <= untilMs);
  if (before === undefined) return unknown('who was ready before it is not on record');
  const wanted = before.ready.length;
  if (wanted === 0) return unknown('none was ready before it');

  const closedMs = fault.windowMs?.[1] ?? untilMs;
  const dip = later.findLast(
    ({ at, ready }, index) =>
      at <= closedMs && ready.length < wanted && (later[index - 1] ?? before).ready.length >= wanted,
  );
  if (dip === undefined) {
    const unseenMs = unseen(view, intentMs, closedMs);
    if (unseenMs !== null)
      return unknown(`never seen fewer than the ${wanted} before, but not watched for ${seconds(unseenMs)}`);
    return later.some(({ at }) => at <= closedMs)
      ? { tookMs: 0, words: `never fewer ready than the ${wanted} before` }
      : unknown('did not change');
  }
  const back = later.find(({ at, ready }) => at >= dip.at && ready.length >= wanted);
  const until = back?.at ?? untilMs;
  const fewest = Math.min(...later.filter(({ at }) => at < until).map(({ ready }) => ready.length));
  const few = `${fewest} of ${wanted} ready at the least`;
  const unseenMs = unseen(view, startMs, until);
  if (back === undefined)
    return unknown(
      unseenMs !== null
        ? `not seen back, and not watched for ${seconds(unseenMs)} (${few})`
        : `> ${seconds(untilMs - startMs)} (${few})`,
    );
  const tookMs = Math.max(0, back.at - startMs);
  const widthMs = (fault.actingFromMs?.[1] ?? startMs) - startMs;
  const gaps = unseenMs !== null ? `, not watched for ${seconds(unseenMs)} of it` : '';
  return { tookMs, words: `<= ${seconds(tookMs)} +- ${seconds(widthMs + (unseenMs ?? 0))} (${few}${gaps})` };
}

/** How long endpoints were not watched, ms; null = they were all the time. A change that could not be read takes no time. */
function unseen({ events }: RunView, fromMs: number, toMs: number): number | null {
  const gaps = eventsOf(events, 'gap').filter(
    (gap) => gap.what === gapName('EndpointSlice') && gap.toMs >= fromMs && gap.fromMs <= toMs,
  );
  const lengthsMs = gaps.map((gap) => Math.min(gap.toMs, toMs) - Math.max(gap.fromMs, fromMs));
  return gaps.length === 0 ? null : lengthsMs.reduce((total, lengthMs) => total + lengthMs, 0);
}

function unknown(words: string): PodsBack {
  return { tookMs: null, words };
}
