/**
 * Walks the syncs of an HPA's controller in their order, and says of each what the inputs on record allow and whether that is what was done.
 * It accuses only where nothing that the record leaves open explains the step.
 */
import { decideOn, legalSizes } from './judge-legal.ts';
import { Memory, windowsOf } from './judge-memory.ts';
import { type Asked, type Sync, syncsOf } from './syncs.ts';
import { blindIn, CONTROLLER, type HpaTrace, RECEIPT_MS, type StatusWrite } from './trace.ts';
import { type ControllerParameters, EMPTY_STATE, type HpaSpec } from './types.ts';

/** A sync is decided when the inputs allow no more sizes than this. */
const MAX_LEGAL = 2;

export interface Judged {
  write: StatusWrite;
  /** Sizes that are legal, ascending; empty: not even bounds are known. */
  legal: readonly number[];
  outcome: 'legal' | 'illegal' | 'undecided';
  /** Of an undecided one. */
  why: string;
  asked: Asked;
}

/**
 * Every write of the status, with what was legal then. The walk goes on from what was done, so that one wrong step is one accusation: what
 * led to it is not known, so from there on the controller may have forgotten all that was before.
 */
export function judgeTrace(trace: HpaTrace, parameters: ControllerParameters): Judged[] {
  const walk = new Walk(trace, parameters);
  return syncsOf(trace, parameters).map((sync) => walk.next(sync));
}

class Walk {
  readonly #trace: HpaTrace;
  readonly #parameters: ControllerParameters;
  readonly #memory: Memory;
  readonly #unwrittenMs: readonly number[];
  #previousMs = Number.NEGATIVE_INFINITY;
  /** What the target must have had since the last sync, unless somebody else set it. */
  #left: number | null = null;
  #seeded: boolean;

  constructor(trace: HpaTrace, parameters: ControllerParameters) {
    this.#trace = trace;
    this.#parameters = parameters;
    this.#memory = new Memory(longestOf(trace, parameters));
    this.#unwrittenMs = unwrittenScales(trace);
    this.#seeded = trace.before !== null;
    const [first] = trace.writes;
    if (!trace.before || !first) return;
    this.#memory.recommend(Number.NEGATIVE_INFINITY, first.receivedMs, null, false);
    if (trace.before.scaledAtMs !== null) this.#memory.eventsUnknownTo(trace.before.scaledAtMs + RECEIPT_MS);
  }

  next(sync: Sync): Judged {
    const { write, hidden, asked, kind } = sync;
    const { receivedMs: nowMs, current, desired } = write;
    const unwatched = this.#recall(write);
    this.#previousMs = nowMs;
    this.#left = kind === 'computed' || kind === 'jump' ? desired : current;
    if (unwatched !== null) {
      this.#seeded = true;
      return { write, legal: [], outcome: 'undecided', why: unwatched, asked };
    }
    if (kind === 'unread') return { write, legal: [desired], outcome: 'legal', why: '', asked };
    // The first sync of an HPA's life begins with the size that it finds.
    if (!this.#seeded) this.#memory.recommend(nowMs, nowMs, [current], true);
    this.#seeded = true;
    if (hidden) {
      this.#memory.recommend(hidden.fromMs, hidden.toMs, hidden.asked.replicas, false);
      this.#memory.outlive(hidden.toMs, hidden.spec, this.#parameters);
    }
    if (kind === 'computed' || kind === 'refused') return this.#computed(sync);
    return this.#uncomputed(sync);
  }

  /** What happened since the last sync that the controller's memory depends on. Returns why this sync was not seen itself. */
  #recall({ receivedMs: nowMs, current }: StatusWrite): string | null {
    const memory = this.#memory;
    const fromMs = this.#previousMs;
    for (const atMs of this.#unwrittenMs) {
      if (atMs <= fromMs || atMs > nowMs) continue;
      memory.recommend(atMs, atMs, null, false);
      memory.eventsUnknownTo(atMs + RECEIPT_MS);
    }
    if (this.#left !== null && this.#left !== current && !this.#isSetByOther(current, fromMs, nowMs)) {
      // A step in between that nobody saw.
      memory.recommend(fromMs, nowMs, null, false);
      memory.eventsUnknownTo(nowMs);
    }
    if (this.#trace.restartsMs.some((atMs) => atMs > fromMs - RECEIPT_MS && atMs <= nowMs + RECEIPT_MS))
      this.#doubt(nowMs, current);
    const blind = blindIn(this.#trace.blind, 'hpa', fromMs, nowMs);
    if (!blind) return null;
    memory.recommend(blind.fromMs, nowMs, null, false);
    memory.eventsUnknownTo(nowMs);
    // What the first list after a gap tells may be from any moment of it.
    return blind.toMs + 2 * RECEIPT_MS >= nowMs ? `the HPA was not watched (${blind.why})` : null;
  }

  #isSetByOther(size: number, fromMs: number, toMs: number): boolean {
    return this.#trace.scales.some(
      ({ receivedMs, specReplicas, owner }) =>
        receivedMs > fromMs - RECEIPT_MS &&
        receivedMs <= toMs + RECEIPT_MS &&
        specReplicas === size &&
        owner !== CONTROLLER,
    );
  }

  #doubt(nowMs: number, current: number): void {
    this.#memory.doubt();
    this.#memory.recommend(nowMs, nowMs, [current], false);
  }

  /** Decided without a look at metrics. */
  #uncomputed({ write, kind, asked }: Sync): Judged {
    const { receivedMs: nowMs, current, desired } = write;
    const expected =
      kind === 'failed' ? desired : decideOn(EMPTY_STATE, write, current, this.#parameters).desired;
    if (kind !== 'failed') this.#remember(write);
    const legal = [expected ?? desired];
    if (legal.includes(desired)) return { write, legal, outcome: 'legal', why: '', asked };
    this.#doubt(nowMs, current);
    return { write, legal, outcome: 'illegal', why: '', asked };
  }

  #computed({ write, kind, asked }: Sync): Judged {
    const { receivedMs: nowMs, spec } = write;
    const parameters = this.#parameters;
    const legal = legalSizes(this.#memory, write, asked, parameters);
    const { outcome, why } = kind === 'refused' ? REFUSED : this.#outcome(write, asked, legal);
    const consistent = kind === 'refused' ? null : (legal?.consistent ?? null);
    if (consistent)
      this.#memory.learn(consistent.lowest, consistent.highest, nowMs, windowsOf(spec, parameters));
    const explained = asked.replicas?.filter((replicas) => consistent?.asked.has(replicas) ?? true) ?? null;
    this.#memory.recommend(nowMs, nowMs, outcome === 'illegal' ? null : explained, outcome !== 'illegal');
    if (kind !== 'refused') this.#remember(write);
    this.#memory.outlive(nowMs, spec, parameters);
    return { write, legal: [...(legal?.sizes ?? [])].sort((a, b) => a - b), outcome, why, asked };
  }

  #outcome(
    write: StatusWrite,
    asked: Asked,
    legal: ReturnType<typeof legalSizes>,
  ): Pick<Judged, 'outcome' | 'why'> {
    const { receivedMs: nowMs, current, desired } = write;
    if (!legal) return { outcome: 'undecided', why: 'too many changes lie at the edge of a period' };
    if (legal.sizes.has(desired)) {
      if (legal.sizes.size <= MAX_LEGAL) return { outcome: 'legal', why: '' };
      const why =
        asked.unseen ?? legal.open ?? 'several sizes are legal: some inputs lie at the edge of what was seen';
      return { outcome: 'undecided', why };
    }
    this.#doubt(nowMs, current);
    if (this.#trace.restartsVisible) return { outcome: 'illegal', why: '' };
    const forgotten = legalSizes(this.#memory, write, asked, this.#parameters);
    return forgotten?.sizes.has(desired)
      ? {
          outcome: 'undecided',
          why: 'only a restart of the controller explains it, and its lease was not watched',
        }
      : { outcome: 'illegal', why: '' };
  }

  /** Without `behavior` the controller keeps no changes. */
  #remember({ current, desired, spec, receivedMs }: StatusWrite): void {
    if (desired !== current && spec.behavior)
      this.#memory.scaled(desired - current, receivedMs, spec.behavior);
  }
}

const REFUSED: Pick<Judged, 'outcome' | 'why'> = {
  outcome: 'undecided',
  why: 'the new size could not be written',
};

function longestOf({ writes }: HpaTrace, parameters: ControllerParameters): number {
  let longestMs = 0;
  let seen: HpaSpec | null = null;
  for (const { spec } of writes) {
    if (spec === seen) continue;
    seen = spec;
    const { upMs, downMs } = windowsOf(spec, parameters);
    const { scaleUp, scaleDown } = spec.behavior ?? {};
    const policies = [...(scaleUp?.policies ?? []), ...(scaleDown?.policies ?? [])];
    longestMs = Math.max(longestMs, upMs, downMs, ...policies.map(({ periodMs }) => periodMs));
  }
  return longestMs;
}

/** New sizes set by the controller without a write of the status: that was refused, as the HPA had just been edited. */
function unwrittenScales({ scales, writes }: HpaTrace): number[] {
  return scales.flatMap(({ receivedMs, specReplicas, owner }, index) => {
    const before = scales[index - 1];
    if (!before || before.specReplicas === specReplicas || owner !== CONTROLLER) return [];
    const written = writes.some(
      (write) => write.desired === specReplicas && Math.abs(write.receivedMs - receivedMs) <= 2 * RECEIPT_MS,
    );
    return written ? [] : [receivedMs];
  });
}
