/**
 * Random traces for the judge's trial: of a world's log only what the API and the harness would have on record, and for a wrong step whether
 * that leaves any explanation.
 */
import type { WorldLog } from './testing-log.ts';
import { Chance } from './testing-specs.ts';
import { isVisible } from './testing-visible.ts';
import { World } from './testing-world.ts';
import type { HpaTrace, StatusWrite } from './trace.ts';
import type { ControllerParameters } from './types.ts';

export interface Told {
  trace: HpaTrace;
  parameters: ControllerParameters;
  /** Of a wrong step: its kind, and whether nothing on record could explain it. */
  wrong: { kind: string; write: StatusWrite; visible: boolean } | null;
}

/** A trace of a controller that keeps to the model, or with one step that does not; the same for the same seed. */
export function tellTrace(seed: number, withWrongStep: boolean): Told {
  const chance = new Chance(seed);
  const log = new World(chance, withWrongStep).run();
  // Some are watched from the middle of their life on.
  const cut = chance.is(0.2) && log.writes.length > 3 ? chance.from(1, 2) : 0;
  const trace = traceOf(log, cut);
  const write = log.wrong?.seen.write;
  return {
    trace,
    parameters: log.parameters,
    wrong:
      log.wrong && write && trace.writes.includes(write)
        ? { kind: log.wrong.kind, write, visible: isVisible(log.wrong.seen, log, cut > 0) }
        : null,
  };
}

function traceOf(log: WorldLog, cut: number): HpaTrace {
  const unseen = log.blind.filter(({ what }) => what === 'hpa');
  const writes: StatusWrite[] = [];
  for (const write of log.writes.slice(cut)) {
    const gap = unseen.find(({ fromMs, toMs }) => write.receivedMs >= fromMs && write.receivedMs <= toMs);
    // The list after a gap tells the last state only, and late.
    if (gap && writes.at(-1)?.receivedMs === gap.toMs) writes.pop();
    writes.push(gap ? Object.assign(write, { receivedMs: gap.toMs }) : write);
  }
  return {
    name: 'web',
    target: { kind: 'Deployment', name: 'web' },
    before: cut > 0 ? { scaledAtMs: log.writes[cut - 1]?.scaledAtMs ?? null } : null,
    writes,
    edits: [],
    pods: log.pods,
    samples: log.samples,
    scales: log.scales,
    restartsMs: log.restartsMs,
    restartsVisible: true,
    blind: log.blind,
    fromMs: 0,
    toMs: writes.at(-1)?.receivedMs ?? 0,
  };
}
