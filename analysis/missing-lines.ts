/** Is every arrival of the judged load in its ledger? What has no line looks like a second in which nothing was asked of the system. */
import { seconds } from './check.ts';
import { scheduled } from './timeline.ts';
import { binsIn, type RunView } from './view.ts';

/** A second with fewer of its arrivals than this is short; drops that the ledger shows count as arrivals. */
const SHORT_SHARE = 0.5;
/** Fewer than this in a row of short seconds is the phase of the schedule against the seconds. */
const LEAST_MISSING = 3;

/** Why the ledger of the judged load is not all of it. Empty = nothing is known to be missing. */
export function missingLines(view: RunView): string[] {
  const { judged, account } = view;
  if (!judged) return [];
  const ledger = account.runners.find(({ runner }) => runner === judged.runner);
  const name = `ledger/${judged.runner}.log`;
  if (!ledger) return [`${name} is missing`];
  const { ended } = judged;
  const iterations = ended?.iterations ?? null;
  return [
    ...(ended?.exitCode === 0 && iterations === null
      ? ['the generator ended in good order and left no count of its writes']
      : []),
    ...(iterations !== null && ledger.lines < iterations
      ? [`${name} has ${ledger.lines} lines, and the generator counted ${iterations} iterations`]
      : []),
    ...shortSeconds(view, judged.ratePerS),
  ];
}

/** Seconds in a row outside fault windows that hold far fewer arrivals than the schedule asked for. */
function shortSeconds(view: RunView, ratePerS: number): string[] {
  const found: { fromMs: number; toMs: number; missing: number }[] = [];
  for (const bin of binsIn(view)) {
    const expected = (ratePerS * (bin.toMs - bin.fromMs)) / 1_000;
    const seen = scheduled(bin);
    if (seen >= expected * SHORT_SHARE) continue;
    const previous = found.at(-1);
    if (previous?.toMs === bin.fromMs) {
      previous.toMs = bin.toMs;
      previous.missing += expected - seen;
    } else found.push({ fromMs: bin.fromMs, toMs: bin.toMs, missing: expected - seen });
  }
  return found
    .filter(({ missing }) => missing >= LEAST_MISSING)
    .slice(0, 5)
    .map(
      ({ fromMs, toMs, missing }) =>
        `about ${Math.round(missing)} arrivals from ${seconds(fromMs)} to ${seconds(toMs)} have no line`,
    );
}
