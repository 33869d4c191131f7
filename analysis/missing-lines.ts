/** Is every arrival of the judged load in its ledgers? What has no line looks like a second in which nothing was asked of the system. */
import { seconds } from './check.ts';
import type { LoadView } from './load-view.ts';
import { binsIn, type RunView } from './view.ts';

/** A second with fewer of its arrivals than this is short; drops that the ledger shows count as arrivals. */
const SHORT_SHARE = 0.5;
/** Fewer than this in a row of short seconds is the phase of the schedule against the seconds. */
const LEAST_MISSING = 3;

/** Why the ledgers of the judged load are not all of it, each runner by its name. Empty = nothing is known to be missing. */
export function missingLines(view: RunView): string[] {
  const runners = view.judged?.runners ?? [];
  return [...neverBegun(view), ...runners.flatMap((load) => missingOf(view, load, runners.length > 1))];
}

/** The plan says how many there are to be. */
function neverBegun({ plan, judged, stopped }: RunView): string[] {
  const planned = plan.runners?.count ?? 1;
  const began = judged?.runners.length ?? 0;
  // Of a run that was ended early the rest may not have had its time.
  if (began >= planned || began === 0 || stopped !== null) return [];
  const names = judged?.runners.map(({ runner }) => runner) ?? [];
  const base = names[0]?.replace(/-\d+$/, '') ?? '';
  const all = Array.from({ length: planned }, (_, index) => `${base}-${index + 1}`);
  const missing = all.filter((runner) => !names.includes(runner));
  return [`${missing.length} of ${planned} runners never began: ${missing.join(', ')}`];
}

function missingOf(view: RunView, load: LoadView, several: boolean): string[] {
  const ledger = view.account.runners.find(({ runner }) => runner === load.runner);
  const name = `ledger/${load.runner}.log`;
  if (!ledger) return [`${name} is missing`];
  const { ended } = load;
  const iterations = ended?.iterations ?? null;
  const who = several ? `runner ${load.runner}` : 'the generator';
  return [
    ...(several && ledger.lines === 0 ? [`${who} never began: ${name} has no line`] : []),
    ...(ended?.exitCode === 0 && iterations === null
      ? [`${who} ended in good order and left no count of its writes`]
      : []),
    ...(iterations !== null && ledger.lines < iterations
      ? [`${name} has ${ledger.lines} lines, and the generator counted ${iterations} iterations`]
      : []),
    ...shortSeconds(view, load, several ? ` in ${name}` : ''),
  ];
}

/**
 * Seconds in a row outside fault windows that hold far fewer arrivals of a runner than its schedule asked for. Each runner is held against its
 * own share: among many, the silence of one is no short second of the whole.
 */
function shortSeconds(view: RunView, load: LoadView, where: string): string[] {
  const found: { fromMs: number; toMs: number; missing: number }[] = [];
  const outside = new Set(binsIn(view));
  for (const [index, bin] of (view.timeline?.bins ?? []).entries()) {
    if (!outside.has(bin)) continue;
    const fromMs = Math.max(bin.fromMs, load.fromMs);
    const toMs = Math.min(bin.toMs, load.toMs);
    const expected = (load.ratePerS * Math.max(0, toMs - fromMs)) / 1_000;
    const seen = load.arrivals[index] ?? 0;
    if (seen >= expected * SHORT_SHARE) continue;
    const previous = found.at(-1);
    if (previous?.toMs === bin.fromMs) {
      previous.toMs = toMs;
      previous.missing += expected - seen;
    } else found.push({ fromMs, toMs, missing: expected - seen });
  }
  return found
    .filter(({ missing }) => missing >= LEAST_MISSING)
    .slice(0, 5)
    .map(
      ({ fromMs, toMs, missing }) =>
        `about ${Math.round(missing)} arrivals from ${seconds(fromMs)} to ${seconds(toMs)} have no line${where}`,
    );
}
