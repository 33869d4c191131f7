/**
 * RPO of a fault: the acknowledged writes that are lost, by the window in which they were acknowledged, and how far from the fault
 * that was. Writes, not points: a batch is stored whole or not at all. Duplicates and unknown writes stand beside it, never in it.
 */
import { ruleOfThree, seconds } from '../check.ts';
import { knownCount } from '../account-view.ts';
import { type FaultView, OUTSIDE } from '../faults.ts';
import { blurredTimes } from '../load-view.ts';
import type { RunView } from '../view.ts';
import { actedMs } from './acting.ts';
import { type Figure, type Part, secondsFigure } from './part.ts';

/** Lost in one window: all of them, or null where that is not known. */
export function lostIn({ account }: RunView, window: string): number | null {
  return knownCount(account, account.lost.byWindow[window] ?? 0);
}

/**
 * Writes that are lost and were acknowledged before a fault's window closed, in no fault's window: the fault may have destroyed them at rest.
 * Null = there are none.
 */
export function lostAtRest({ account }: RunView, { windowMs }: FaultView): string | null {
  const closedMs = windowMs?.[1] ?? Number.POSITIVE_INFINITY;
  const [firstMs, lastMs] = account.lost.spans[OUTSIDE] ?? [closedMs, closedMs];
  if (firstMs >= closedMs) return null;
  const count = account.lost.byWindow[OUTSIDE] ?? 0;
  if (lastMs >= closedMs)
    return `of ${count} more, acknowledged in no window, the first was before this one closed`;
  return `${count} more ${count === 1 ? 'was' : 'were'} acknowledged before the window`;
}

export function lossPart(view: RunView, fault: FaultView): Part {
  const { account } = view;
  const { name } = fault;
  const lost = lostIn(view, name);
  const atRisk = account.atRisk[name] ?? 0;
  const span = account.lost.spans[name];
  const atRest = lostAtRest(view, fault);
  const duplicated = knownCount(account, account.duplicated.byWindow[name] ?? 0);
  const unknown = account.unknownByWindow[name] ?? 0;
  const blurred = atRisk === 0 ? null : blurredTimes(view.loads);
  const spanFigures: Figure[] =
    span === undefined
      ? []
      : [
          secondsFigure(`span of the lost of ${name}`, span[1] - span[0]),
          secondsFigure(`first lost of ${name}, from the fault`, distanceMs(fault, span[0])),
          secondsFigure(`last lost of ${name}, from the fault`, distanceMs(fault, span[1])),
        ];
  return {
    figures: [
      {
        name: `RPO of ${name}`,
        value: atRisk === 0 || (lost === 0 && atRest !== null) ? null : lost,
        unit: 'writes',
      },
      ...spanFigures,
      { name: `at risk of ${name}`, value: atRisk, unit: 'writes' },
      { name: `duplicates of ${name}`, value: duplicated, unit: 'writes' },
      { name: `unknown of ${name}`, value: unknown, unit: 'writes' },
    ],
    words: [
      lostWords(view, lost, atRisk, atRest),
      ...(span === undefined ? [] : [spanWords(fault, span)]),
      `${duplicated ?? 'not known how many'} stored twice, ${unknown} unknown`,
      ...(blurred === null ? [] : [blurred]),
    ],
  };
}

function lostWords({ account }: RunView, lost: number | null, atRisk: number, atRest: string | null): string {
  const more = atRest === null ? '' : `; ${atRest}`;
  if (atRisk === 0) return `no write was at risk${more}`;
  if (lost === null)
    return `lost: not known of ${atRisk} at risk (${account.doubts[0] ?? 'no read-back'})${more}`;
  const words = `${lost} lost of ${atRisk} at risk`;
  if (atRest !== null) return `at least ${words}${more}`;
  return lost === 0 ? `${words} (${ruleOfThree(atRisk)})` : words;
}

/** Signed distance of a moment from the interval in which the fault acted, ms: negative before it, 0 within, positive after. */
function distanceMs(fault: FaultView, atMs: number): number {
  const [fromMs, toMs] = actedMs(fault) ?? [atMs, atMs];
  return Math.min(0, atMs - fromMs) + Math.max(0, atMs - toMs);
}

function distanceWords(fault: FaultView, atMs: number): string {
  const ms = distanceMs(fault, atMs);
  if (ms === 0) return `while ${fault.name} acted`;
  return ms < 0 ? `${seconds(-ms)} before ${fault.name}` : `${seconds(ms)} after ${fault.name}`;
}

function spanWords(fault: FaultView, [firstMs, lastMs]: readonly [number, number]): string {
  const [first, last] = [distanceWords(fault, firstMs), distanceWords(fault, lastMs)];
  const where = first === last ? `all ${first}` : `the first ${first}, the last ${last}`;
  return `acknowledged within ${seconds(lastMs - firstMs)}, ${where}`;
}

/** For every window with losses, when those were acknowledged: `cut: acknowledged within 2.1 s, the first ...`. */
export function lostSpans({ account, faults }: RunView): string[] {
  const { spans } = account.lost;
  const outside = spans[OUTSIDE];
  return [
    ...faults.flatMap((fault) => {
      const span = spans[fault.name];
      return span ? [`${fault.name}: ${spanWords(fault, span)}`] : [];
    }),
    ...(outside ? [`${OUTSIDE}: acknowledged from ${seconds(outside[0])} to ${seconds(outside[1])}`] : []),
  ];
}
