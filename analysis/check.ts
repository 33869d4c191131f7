/** What a file of `checks/` exports, and the few words that every check needs to say the same way. */
import type { z } from 'zod';
import type { EventOf, Expectation, Verdict } from '../record/model.ts';
import { type FaultView, OUTSIDE } from './faults.ts';
import type { Accused } from './accounting.ts';
import { blurredTimes } from './load-view.ts';
import type { RunView } from './view.ts';

/** A verdict without what the judge knows better: its id, check, title and whether it is optional. */
export type Judgement = Omit<Verdict, 'id' | 'check' | 'optional' | 'title'>;

export interface CheckModule {
  /** The promise in a few words. */
  title: string;
  /** The check's own options: those of the expectation besides `check`, `during` and `optional`. */
  options: z.ZodType;
  /**
   * What it judges: the whole run, the window of one disturbance (`during` is required), or either. A `during` that is passed over
   * would be a false statement, so it is refused.
   */
  scope: 'run' | 'window' | 'either';
  /**
   * What its `fail` rests on. `load`: how the system behaved while the load ran; when the instruments were broken meanwhile, that is no
   * finding and becomes `invalid`. `ledger`: what was promised and what came back, or what somebody else's controller decided on inputs that are on record, which
   * stands whatever the machine did.
   */
  restsOn: 'load' | 'ledger';
  /** It judges what the scenario's Prometheus saw. */
  needsPrometheus?: true;
  /** Pure. What it throws is an `invalid` verdict with the error's words. */
  judge(view: RunView, options: unknown, expectation: Expectation): Judgement;
}

/**
 * The fault that an expectation is about, or the verdict when nothing can be said about it: a fault that was never seen acting,
 * or that acted elsewhere, proves nothing. Throws when the plan has no such fault.
 */
export function provenFault(
  view: RunView,
  during: string,
): { fault: FaultView; refused: null } | { fault: null; refused: Judgement } {
  const fault = view.faults.find(({ name }) => name === during);
  if (fault === undefined) throw new Error(`the plan has no fault "${during}"`);
  const why = unproven(fault);
  if (why === null) return { fault, refused: null };
  const evidence = [history('fault.proof')];
  return {
    fault: null,
    refused: unfinished(view, fault)
      ? { verdict: 'inconclusive', reason: `${fault.name}: ${why}: ${view.stopped}`, evidence }
      : { verdict: 'invalid', reason: `${fault.name}: ${why}`, evidence },
  };
}

/** Why nothing follows from a fault, or null when it was seen acting on what it was aimed at. Its end is not asked for. */
export function unproven(fault: FaultView): string | null {
  if (fault.intentAtMs === null)
    return `it was never begun${fault.failed === null ? '' : ` (${fault.failed})`}`;
  if (fault.actingFromMs === null)
    return `it was never seen acting${fault.failed === null ? '' : ` (${fault.failed})`}`;
  return fault.elsewhere === null ? null : `it acted elsewhere: ${fault.elsewhere}`;
}

/**
 * The fault that a stopped run was in the middle of: the last one begun, not seen gone. That nobody looked any longer is the stop's doing,
 * not that of a broken instrument; one that acted elsewhere, or could not be healed, stays broken.
 */
export function unfinished({ faults, stopped }: RunView, fault: FaultView): boolean {
  const lastMs = Math.max(...faults.map(({ intentAtMs }) => intentAtMs ?? Number.NEGATIVE_INFINITY));
  return (
    stopped !== null &&
    fault.intentAtMs === lastMs &&
    fault.goneAtMs === null &&
    fault.elsewhere === null &&
    !(fault.failed ?? '').startsWith('heal:')
  );
}

/** The id of evidence in the history. */
export function history(kind: string): string {
  return `history:${kind}`;
}

/** Ids of the ledgers of the judged load, one for each of its runners. */
export function loadEvidence({ judged }: Pick<RunView, 'judged'>): string[] {
  return judged?.runners.map(({ runner }) => `ledger/${runner}.log`) ?? ['ledger/load.log'];
}

/** Ids of the ledgers that a verdict about data rests on. */
export function ledgerEvidence(view: RunView): string[] {
  const files = view.account.runners.map(({ runner }) => `ledger/${runner}.log`);
  const stored = view.account.readback?.runners.map((runner) => `ledger/${runner}.stored`) ?? [];
  return [...files, ...stored, history('readback')];
}

/** `load/3:17 (12.4 s, pod-kill), ... and 80 more` */
export function named({ named: writes, count }: Accused): string {
  const shown = writes.map(({ id, endedAtMs, window }) =>
    endedAtMs === null ? id : `${id} (${seconds(endedAtMs)}, ${window ?? OUTSIDE})`,
  );
  const more = count - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** How far the generator's clock may be off, in words, where there are fault windows that it may put writes on the wrong side of; or null. */
export function blurredWindows({ faults, judged }: RunView): string | null {
  return faults.some(({ windowMs }) => windowMs !== null) ? blurredTimes(judged?.runners ?? []) : null;
}

/** `pod-kill: 12, rollout: 3, outside: 0`: every fault's window that there was, also those without any; and how sharp the windows are, where they are not. */
export function byWindow(view: RunView, counts: Record<string, number>): string {
  const known = view.faults.filter(({ windowMs }) => windowMs !== null).map(({ name }) => name);
  const names = [
    ...known,
    OUTSIDE,
    ...Object.keys(counts).filter((name) => !known.includes(name) && name !== OUTSIDE),
  ];
  const words = names.map((name) => `${name}: ${counts[name] ?? 0}`).join(', ');
  const blurred = known.length === 0 ? null : blurredTimes(view.loads);
  return blurred === null ? words : `${words} (${blurred})`;
}

/**
 * Stretches in which pods were not watched, in words, or null: a pod that was killed and replaced in one of them left no trace. Only those that
 * touch `windowMs`, where it is given.
 */
export function unwatchedPods({ events }: RunView, windowMs: [number, number] | null = null): string | null {
  const gaps = events.filter(
    (event): event is EventOf<'gap'> =>
      event.kind === 'gap' &&
      /\bpods?\b/.test(event.what) &&
      (windowMs === null || (event.toMs > windowMs[0] && event.fromMs < windowMs[1])),
  );
  if (gaps.length === 0) return null;
  const longest = gaps.reduce((a, b) => (b.toMs - b.fromMs > a.toMs - a.fromMs ? b : a));
  return `pods were not watched in ${gaps.length} stretches, the longest from ${seconds(longest.fromMs)} to ${seconds(longest.toMs)} (${longest.why})`;
}

/** `12.4 s` on the run's clock. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** A share 0..1 as `99.95 %`, with the digits that it takes to tell it from none or all. */
export function percent(share: number): string {
  const distance = Math.min(Math.abs(share), Math.abs(1 - share)) * 100;
  const digits = distance === 0 || distance >= 1 ? 2 : Math.min(7, 2 + Math.ceil(-Math.log10(distance)));
  return `${(share * 100).toFixed(digits)} %`;
}

/** Upper bound at 95 % for a share of which none was seen in `n` (rule of three: methods, rule of three for zero events). */
export function ruleOfThree(n: number): string {
  return `<= ${percent(Math.min(1, 3 / n))} at 95 %`;
}
