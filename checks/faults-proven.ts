/** Every planned fault was seen acting on what it was aimed at, seen gone, and seen nowhere else. Without that, nothing follows from it. */
import { z } from 'zod';
import { history, type Judgement, seconds, unfinished, unproven, unwatchedPods } from '../analysis/check.ts';
import type { FaultView } from '../analysis/faults.ts';
import type { RunView } from '../analysis/view.ts';

export const title = 'Every fault acted, where it was aimed, and ended';
export const scope = 'run';
export const restsOn = 'load';

export const options = z.strictObject({});

export function judge(view: RunView): Judgement {
  const { stopped, events } = view;
  const faults = view.faults.filter(({ planned }) => planned.notRun === undefined);
  const leftOut = view.faults.filter(({ planned }) => planned.notRun !== undefined);
  const evidence = ['plan.json', ...['fault.intent', 'fault.proof', 'fault.failed'].map(history)];
  const common = {
    observed: { value: faults.filter((fault) => wrongWith(fault) === null).length, unit: 'faults' },
    expected: { value: view.faults.length, unit: 'faults' },
    evidence,
  };
  const strangers = events.filter(
    (event) => event.kind === 'fault.intent' && !view.faults.some(({ name }) => name === event.fault),
  );
  if (view.faults.length === 0 && strangers.length === 0)
    return { verdict: 'pass', reason: 'no fault was planned, and nothing was disturbed.', ...common };
  const names = view.faults.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  // A run that was stopped early owes no proof of what it never began.
  const begun = stopped === null ? faults : faults.filter(({ intentAtMs }) => intentAtMs !== null);
  const wrong = [
    ...begun
      .filter((fault) => !unfinished(view, fault))
      .flatMap((fault) => {
        const why = wrongWith(fault);
        return why === null ? [] : [`${fault.name}: ${why}`];
      }),
    ...twice.map((name) => `${name} is planned twice: its events cannot be told apart`),
    ...(strangers.length > 0 ? ['a fault was begun that was not planned'] : []),
  ];
  if (wrong.length > 0) return { verdict: 'invalid', reason: `${wrong.join('; ')}.`, ...common };
  const cut = begun.filter((fault) => unfinished(view, fault) && wrongWith(fault) !== null);
  if (cut.length > 0)
    return {
      verdict: 'inconclusive',
      reason: `${cut.map((fault) => `${fault.name}: ${wrongWith(fault)}`).join('; ')}: ${stopped}.`,
      ...common,
    };
  const never = faults.length - begun.length;
  if (never > 0)
    return {
      verdict: 'not_run',
      reason: `${never} of ${faults.length} faults were never begun: ${stopped}.`,
      ...common,
    };
  const blind = faults.flatMap(({ name, windowMs }) => {
    const unwatched = windowMs === null ? null : unwatchedPods(view, windowMs);
    return unwatched === null ? [] : [`${name}: ${unwatched}, so when it began and ended is not known`];
  });
  if (blind.length > 0) return { verdict: 'inconclusive', reason: `${blind.join('; ')}.`, ...common };
  if (leftOut.length > 0)
    return {
      verdict: 'not_run',
      reason: `${[...leftOut.map(({ name, planned }) => `${name} cannot be played here: ${planned.notRun}`), ...faults.map(words)].join('; ')}.`,
      ...common,
    };
  return { verdict: 'pass', reason: `${faults.map(words).join('; ')}.`, ...common };
}

function wrongWith(fault: FaultView): string | null {
  const why = unproven(fault);
  if (why !== null) return why;
  if (fault.goneAtMs === null)
    return `its end was never seen${fault.failed === null ? '' : ` (${fault.failed})`}`;
  return fault.failed;
}

function words({ name, targets, actingFromMs, goneAtMs }: FaultView): string {
  const [from, to] = [actingFromMs?.[1] ?? 0, goneAtMs?.[1] ?? 0];
  return `${name} on ${targets.join(', ')}: seen acting at ${seconds(from)}, gone at ${seconds(to)}`;
}
