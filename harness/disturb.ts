/**
 * One disturbance from intent to proven end. The fault's own probe decides when it acted and when it was gone; the platform's
 * bookkeeping and the object's status decide nothing (docs/verdicts.md).
 */
import type { FaultObservation, Platform, PreparedFault } from '../platforms/platform.ts';
import type { PlannedFault } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';
import type { RunWriter } from '../record/writer.ts';
import { pause } from './pause.ts';

/** How often the proof looks: the resolution of every fault time in the report, milliseconds. */
const PROOF_PERIOD_MS = 100;
/**
 * The window opens this much before the blow, milliseconds: a write that was acknowledged just before a kill and not stored yet is
 * lost to that kill, and belongs into its window.
 */
const LEAD_MS = 1_000;
/** A fault that has not acted by then never will, milliseconds. */
const MUST_ACT_WITHIN_MS = 10_000;
/** After an interruption the end of a fault is looked for this long, milliseconds. */
const GONE_WITHIN_MS = 5_000;

export interface DisturbOptions {
  planned: PlannedFault;
  /** Chooses and prepares it. */
  platform: Pick<Platform, 'fault'>;
  writer: RunWriter;
  random: () => number;
  nowMs: () => number;
  signal: AbortSignal;
  /** For tests; see LEAD_MS. */
  leadMs?: number;
}

interface Disturbing extends DisturbOptions {
  /** What it was seen touching beside its targets; each is told once. */
  touched: Set<string>;
}

/** Never throws: what goes wrong is a `fault.failed` event, and the fault is healed in any case. */
export async function disturb(given: DisturbOptions): Promise<void> {
  const options = { ...given, touched: new Set<string>() };
  const { planned, platform, writer, signal } = options;
  let fault: PreparedFault | undefined;
  let injecting: Promise<void> | undefined;
  try {
    fault = await platform.fault(planned, options.random);
    const { targets, detail, restartsEach } = fault;
    const each = restartsEach === undefined ? {} : { restartsEach };
    writer.emit({ kind: 'fault.intent', fault: planned.name, targets, detail, ...each });
    await pause(options.leadMs ?? LEAD_MS, signal);
    const idle = await fault.observe();
    if (idle.acting)
      throw new Error(
        `its probe sees it acting before it was injected (${idle.detail}): the proof would prove nothing`,
      );
    if (idle.elsewhere !== undefined)
      throw new Error(
        `before it was injected ${idle.elsewhere}: what it touches beside its targets could not be told`,
      );

    // Choosing targets and looking at them takes seconds on a cluster: a run that has ended meanwhile breaks nothing any more.
    if (signal.aborted) throw new Error('the run ended before it was injected');

    injecting = fault.inject();
    const actsWithinMs = fault.actsWithinMs ?? MUST_ACT_WITHIN_MS;
    const actingAtMs = await prove(options, fault, 'acting', actsWithinMs, injecting);
    writer.emit({ kind: 'fault.injected', fault: planned.name });
    if (actingAtMs !== null && planned.forMs !== undefined)
      await holdFor(options, fault, actingAtMs + planned.forMs);
    await fault.heal();
    writer.emit({ kind: 'fault.healed', fault: planned.name });
    if (actingAtMs !== null) {
      // An interrupted run has to end, but whether its fault is gone is worth a few seconds.
      const wait = signal.aborted ? { ...options, signal: AbortSignal.timeout(GONE_WITHIN_MS) } : options;
      await prove(wait, fault, 'gone', planned.slotMs);
    }
  } catch (error) {
    writer.emit({ kind: 'fault.failed', fault: planned.name, why: reasonOf(error) });
  } finally {
    // What is still being made could not be taken back yet.
    await injecting?.catch(() => undefined);
    if (signal.aborted || fault)
      await fault
        ?.heal()
        .catch((error: unknown) =>
          writer.emit({ kind: 'fault.failed', fault: planned.name, why: `heal: ${reasonOf(error)}` }),
        );
  }
}

/** Looks until the probe sees `wanted`; records the moment and the last look that did not see it. Null = it never did. */
async function prove(
  disturbing: Disturbing,
  fault: PreparedFault,
  wanted: 'acting' | 'gone',
  withinMs: number,
  injecting?: Promise<void>,
): Promise<number | null> {
  const { planned, writer, nowMs, signal } = disturbing;
  const failed = new AbortController();
  injecting?.catch(() => failed.abort());
  const startedMs = nowMs();
  let notBeforeMs = startedMs;
  let detail = 'its probe never answered';
  while (nowMs() - startedMs < withinMs && !signal.aborted && !failed.signal.aborted) {
    const lookedMs = nowMs();
    const seen = await fault.observe();
    detail = seen.detail;
    tellElsewhere(disturbing, seen, notBeforeMs);
    if (seen.acting === (wanted === 'acting')) {
      writer.emit({
        kind: 'fault.proof',
        fault: planned.name,
        saw: wanted,
        notBeforeMs,
        detail,
        at: nowMs(),
      });
      await injecting;
      return nowMs();
    }
    notBeforeMs = lookedMs;
    await pause(PROOF_PERIOD_MS, signal);
  }
  await injecting;
  if (wanted === 'acting')
    writer.emit({ kind: 'fault.proof', fault: planned.name, saw: 'never', notBeforeMs, detail });
  else if (!signal.aborted)
    writer.emit({
      kind: 'fault.failed',
      fault: planned.name,
      why: `still acting ${Math.round(withinMs / 1_000)} s after it was healed: ${detail}`,
    });
  return null;
}

/** Lets a fault act until `untilMs`, looking now and then whether it still does and touches nothing else. */
async function holdFor(disturbing: Disturbing, fault: PreparedFault, untilMs: number): Promise<void> {
  const { nowMs, signal } = disturbing;
  while (nowMs() < untilMs && !signal.aborted) {
    await pause(Math.min(1_000, Math.max(0, untilMs - nowMs())), signal);
    if (nowMs() >= untilMs || signal.aborted) return;
    const seen = await fault.observe();
    tellElsewhere(disturbing, seen, nowMs());
    if (!seen.acting)
      throw new Error(`it stopped acting ${Math.round(untilMs - nowMs())} ms early: ${seen.detail}`);
  }
}

function tellElsewhere(
  { planned, writer, touched }: Disturbing,
  { elsewhere }: FaultObservation,
  notBeforeMs: number,
): void {
  if (elsewhere === undefined || touched.has(elsewhere)) return;
  touched.add(elsewhere);
  writer.emit({
    kind: 'fault.proof',
    fault: planned.name,
    saw: 'elsewhere',
    notBeforeMs,
    detail: elsewhere,
  });
}
