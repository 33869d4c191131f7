/** Everything a check may look at: one reading of the record, computed once. Pure; the record hands in events and bytes. */
import type { Histogram } from 'hdr-histogram-js';
import { type Event, type EventOf, LEFT_BEHIND, type Plan } from '../record/model.ts';
import type { LedgerFile, RunRecord } from '../record/reader.ts';
import { accountView, type AccountView, Tally } from './account-view.ts';
import { RunnerAccount } from './accounting.ts';
import { type FaultView, faultViews, OUTSIDE } from './faults.ts';
import { hostView, type HostView } from './host.ts';
import { Latencies } from './ledger-latencies.ts';
import { type LedgerScan, scanLedger } from './ledger-scan.ts';
import { laggingView } from './ledger-lagging.ts';
import { eventsOf, type JudgedLoad, judgedLoad, type LoadView, loadViews } from './load-view.ts';
import { Schedule } from './schedule.ts';
import { type Bin, binAt, emptyTimeline, type Timeline } from './timeline.ts';

/** A write that the generator starts later than this is its own stall, milliseconds. */
export const LATE_MS = 250;

/** The writes that a stop of the generator cuts off end together, within this time, milliseconds. */
const CUT_MS = 250;

export interface RunView {
  plan: Plan;
  /** By time. */
  events: Event[];
  remarks: string[];
  loads: LoadView[];
  /** Every runner's ledger, to be read again by whoever needs more than what is counted here. */
  ledgers: readonly Ledger[];
  /** `ledger/<runner>.states`, where the system's contract tells any. */
  states: readonly LedgerFile[];
  /** Null = no judged load was ever started. */
  judged: JudgedLoad | null;
  timeline: Timeline | null;
  faults: FaultView[];
  /** Of the judged load's acknowledged writes, from the intended start, ms: by fault and `outside`. */
  latency: Record<string, Histogram>;
  account: AccountView;
  host: HostView;
  /** Changes of the cluster's objects, from the start, every time it is called; none where no cluster was watched. */
  watch: RunRecord['watch'];
  /** Lines of the history that are no events. */
  damaged: RunRecord['damaged'];
  /** Why the run ended before its plan did: interrupted or aborted. Null = it did not. */
  stopped: string | null;
  /** When that was; null where it was not, or where the record does not say. */
  stoppedAtMs: number | null;
}

/** One runner's ledger while it is read. */
export interface Ledger {
  file: LedgerFile;
  load: LoadView | null;
  account: RunnerAccount;
  schedule: Schedule | null;
  scan: LedgerScan;
  /** Last start and last end of a write, ms since the runner's anchor. */
  lastStartMs: number;
  lastEndMs: number;
}

/** `nameLimit`: how many writes of each accusation are named. */
export function buildView(
  { plan, events: written, logs, stored, states, watch, remarks, damaged }: RunRecord,
  nameLimit = 20,
): RunView {
  const events = written.toSorted((a, b) => a.at - b.at);
  const loads = loadViews(events);
  const ledgers = logs.map((file) => readLedger(file, loads));
  const judged = judgedLoad(loads);
  const timeline = judged && emptyTimeline(judged.fromMs, judged.toMs);
  if (timeline) for (const ledger of ledgers) fillTimeline(timeline, ledger, plan);
  const faults = faultViews(plan, events, timeline, plan.scenario.good);
  const readback = lastLook(events);
  const lagging = laggingView(events, loads);
  const account = accountView({ ledgers, loads, stored, readback, lagging, nameLimit });
  const latency = attribute(ledgers, { account, faults, timeline });
  return {
    plan,
    events,
    remarks: [...remarks, ...remarksOf(events, ledgers)],
    loads,
    ledgers,
    states,
    judged,
    timeline,
    faults,
    latency,
    account,
    host: hostView(events, judged?.fromMs ?? 0, judged?.toMs ?? 0),
    watch,
    damaged,
    stopped: stoppedWhy(events),
    stoppedAtMs: stoppedAt(events),
  };
}

/** Seconds of the judged load that belong to a fault's window, or without a name to none. A second that two windows share is the first one's. */
export function binsIn({ timeline, faults }: Pick<RunView, 'timeline' | 'faults'>, during?: string): Bin[] {
  return timeline?.bins.filter((bin) => windowOf(faults, bin) === (during ?? OUTSIDE)) ?? [];
}

function windowOf(faults: readonly FaultView[], { fromMs, toMs }: Bin): string {
  const fault = faults.find(
    ({ windowMs }) => windowMs !== null && toMs > windowMs[0] && fromMs < windowMs[1],
  );
  return fault?.name ?? OUTSIDE;
}

/** First pass: identities and outcomes, and how late writes began. */
export function readLedger(file: LedgerFile, loads: readonly LoadView[]): Ledger {
  const load = loads.find(({ runner }) => runner === file.runner) ?? null;
  const account = new RunnerAccount(file.runner, load?.vus ?? 0, load?.maxWrites ?? Number.POSITIVE_INFINITY);
  const schedule = load?.judged ? new Schedule(load.ratePerS) : null;
  let lastStartMs = Number.NEGATIVE_INFINITY;
  let lastEndMs = Number.NEGATIVE_INFINITY;
  const scan = scanLedger(file.chunks(), (line, number) => {
    account.add(line, number);
    schedule?.add(line.dueMs + line.lagMs, line.lagMs);
    lastStartMs = Math.max(lastStartMs, line.dueMs + line.lagMs);
    lastEndMs = Math.max(lastEndMs, line.dueMs + line.latMs);
  });
  schedule?.settle();
  if (load && schedule) load.droppedSeen = schedule.droppedInAll;
  // Between the stop of a load and the end of its process nothing was due.
  if (load && wasCutShort(load))
    load.toMs = Math.max(load.fromMs, Math.min(load.toMs, load.anchorMs + lastStartMs));
  return { file, load, account, schedule, scan, lastStartMs, lastEndMs };
}

/** Ended by something else than its schedule. */
function wasCutShort({ ended }: LoadView): boolean {
  return ended?.exitCode !== 0;
}

/** Second pass, for a judged load: every write into the second in which it was due. Each runner is judged from its own warm-up on. */
function fillTimeline(timeline: Timeline, { file, load, schedule, lastEndMs }: Ledger, plan: Plan): void {
  if (!load || !schedule) return;
  // What the stop of the load cut off was neither served nor not: nobody waited for it any longer.
  const cutFromMs = wasCutShort(load) ? lastEndMs - CUT_MS : Number.POSITIVE_INFINITY;
  const limitMs = plan.scenario.good.latencyMs;
  const arrivals = timeline.bins.map(() => 0);
  load.arrivals = arrivals;
  scanLedger(file.chunks(), ({ outcome, dueMs, latMs, lagMs }) => {
    if (outcome === 'U' && dueMs + latMs >= cutFromMs) return;
    const shiftMs = schedule.shiftMs(dueMs + lagMs);
    const index = judgedBin(timeline, load, dueMs + shiftMs);
    const bin = timeline.bins[index];
    if (bin === undefined) return;
    arrivals[index] = (arrivals[index] ?? 0) + 1;
    if (outcome === 'A') {
      bin.served += 1;
      const isSlow = latMs - shiftMs > limitMs;
      if (isSlow) bin.slow += 1;
      if (isSlow && latMs - lagMs <= limitMs) bin.heldUp += 1;
    } else if (outcome === 'F') bin.failed += 1;
    else bin.unknown += 1;
    if (lagMs - shiftMs > LATE_MS) bin.late += 1;
  });
  for (const [index, bin] of timeline.bins.entries()) {
    const fromMs = Math.max(bin.fromMs, load.fromMs);
    const toMs = Math.min(bin.toMs, load.toMs);
    if (fromMs >= toMs) continue;
    const dropped = schedule.dropped(fromMs - load.anchorMs, toMs - load.anchorMs);
    bin.dropped += dropped;
    arrivals[index] = (arrivals[index] ?? 0) + dropped;
  }
}

/** Position of the bin of a write by its intended start, in ms since its runner's anchor; -1 when it is not judged. */
function judgedBin(timeline: Timeline, { anchorMs, fromMs, toMs }: LoadView, startMs: number): number {
  const atMs = anchorMs + startMs;
  return atMs >= fromMs && atMs < toMs ? binAt(timeline, atMs) : -1;
}

/** Third pass, now that the windows are known: who was at risk in which, who is accused, and how long writes took. */
function attribute(
  ledgers: readonly Ledger[],
  { account, faults, timeline }: Pick<RunView, 'account' | 'faults' | 'timeline'>,
): Record<string, Histogram> {
  const latency: Record<string, Latencies> = {};
  const ofBin = timeline?.bins.map((bin) => (latency[windowOf(faults, bin)] ??= new Latencies()));
  for (const { file, load, schedule, account: runner } of ledgers) {
    const tally = new Tally(account, runner, faults, load);
    scanLedger(file.chunks(), (line) => {
      tally.add(line);
      if (!schedule || !load || !timeline || line.outcome !== 'A') return;
      const shiftMs = schedule.shiftMs(line.dueMs + line.lagMs);
      const bin = judgedBin(timeline, load, line.dueMs + shiftMs);
      if (bin >= 0) ofBin?.[bin]?.add(Math.max(0, Math.round(line.latMs - shiftMs)));
    });
    tally.close();
  }
  return Object.fromEntries(Object.entries(latency).map(([window, of]) => [window, of.close()]));
}

/** What the last look at the store missed is lost only where the harness lived to look no more: it may have been about to look again. */
function lastLook(events: readonly Event[]): EventOf<'readback'> | null {
  const last = eventsOf(events, 'readback').at(-1) ?? null;
  if (last === null || !last.complete || (last.absent ?? 0) === 0) return last;
  const wasLast = events.some(
    (event) =>
      event.at >= last.at &&
      (event.kind === 'run.ended' || (event.kind === 'phase' && event.phase === 'undo')),
  );
  if (wasLast) return last;
  const why = `the harness ended while ${last.absent} acknowledged writes may still have been late`;
  return { ...last, complete: false, why };
}

function remarksOf(events: readonly Event[], ledgers: readonly Ledger[]): string[] {
  const torn = ledgers.filter(({ scan }) => scan.torn);
  const damaged = ledgers.filter(({ scan }) => scan.malformed > 0);
  const notes = eventsOf(events, 'note').map(({ text }) => text);
  const isLeft = (text: string) => text.startsWith(LEFT_BEHIND);
  return [
    // Reports show the first of them, and an outage that kept something from being taken back makes many others.
    ...notes.filter(isLeft),
    ...torn.map(({ file }) => `ledger/${file.runner}.log: the last line is torn and was dropped`),
    ...damaged.map(
      ({ file, scan }) =>
        `ledger/${file.runner}.log: ${scan.malformed} lines are not of the ledger (line ${scan.malformedAt.join(', ')})`,
    ),
    ...eventsOf(events, 'unplayed').map(
      ({ file, line, object, field, why }) => `not played: ${file}:${line} ${object} ${field}: ${why}`,
    ),
    ...eventsOf(events, 'gap').map(
      ({ what, fromMs, toMs, why }) =>
        `not observed: ${what} from ${(fromMs / 1_000).toFixed(1)} s to ${(toMs / 1_000).toFixed(1)} s: ${why}`,
    ),
    ...notes.filter((text) => !isLeft(text)),
  ];
}

function stoppedWhy(events: readonly Event[]): string | null {
  const [aborted] = eventsOf(events, 'run.aborted');
  if (aborted) return aborted.why;
  return eventsOf(events, 'run.ended').some(({ interrupted }) => interrupted)
    ? 'the run was interrupted'
    : null;
}

function stoppedAt(events: readonly Event[]): number | null {
  const [aborted] = eventsOf(events, 'run.aborted');
  return aborted?.at ?? eventsOf(events, 'run.ended')[0]?.interruptedAtMs ?? null;
}
