/** Hand-written histories for tests: a healthy minute of load, and everything about it that a test wants otherwise. */
import { type AttemptLine, formatAttemptLine, formatLedgerLine, type LedgerLine } from '../record/ledger.ts';
import type { Event, EventOf, Plan, PlannedFault } from '../record/model.ts';
import type { LedgerFile, RunRecord } from '../record/reader.ts';
import type { WatchLine } from '../record/watch-log.ts';
import { buildView, type RunView } from './view.ts';

/** The load's anchor on the run's clock. Times of writes count from here; times of events from the start of the run. */
export const ANCHOR_MS = 1_000;
export const RATE_PER_S = 20;
export const WALL_MS = 1_700_000_000_000;
const VUS = 4;

export interface Story {
  /** How a write ends, by its number from 0 and its due time in ms since the anchor; null = the generator dropped it. */
  write?: (index: number, dueMs: number) => Partial<LedgerLine> | null;
  /** Attempts of a write that failed, by its number from 0. */
  attempts?: (index: number, dueMs: number) => Omit<AttemptLine, 'vu' | 'n'>[];
  /** Length of the load and of its warm-up, ms. */
  forMs?: number;
  warmupMs?: number;
  faults?: Omit<PlannedFault, 'atMs' | 'slotMs'>[];
  good?: Partial<Plan['scenario']['good']>;
  expect?: Plan['scenario']['expect'];
  workload?: Partial<Plan['workload']>;
  /** Added to the healthy run's events. */
  events?: Event[];
  /** Events of the healthy run that are left out or changed. */
  edit?: (event: Event) => Event | null;
  /** The ledger's text, changed. */
  log?: (text: string) => string | null;
  /** Changes of the cluster's objects. */
  watch?: readonly WatchLine[];
  /** Text of `ledger/load.states`. */
  states?: string;
  /** What is read back, changed; by default everything acknowledged, once. */
  stored?: (text: string) => string | null;
}

export function viewOf(story: Story = {}): RunView {
  return buildView(recordOf(story));
}

export function recordOf(story: Story): RunRecord {
  const { forMs = 60_000, warmupMs = 5_000 } = story;
  const lines = writes(story, forMs);
  const endMs = ANCHOR_MS + forMs + 500;
  const seconds = Array.from({ length: Math.ceil(endMs / 1_000) }, (_, second) => second * 1_000);
  const events: Event[] = [
    { at: 0, kind: 'run.started', runId: 'r', wallMs: WALL_MS },
    ...['a', 'b', 'c'].map((pod): Event => ({ at: 500, kind: 'pod', pod, uid: pod, state: 'ready' })),
    ...seconds.flatMap((at): Event[] => [
      {
        at,
        kind: 'host',
        busy: 0.4,
        foreign: 0.01,
        steal: 0,
        cores: { k6: 0.3, pods: 0.5 },
        rssMb: { k6: 90, pods: 300 },
        diskFreeMb: 9_000,
      },
      { at, kind: 'clock', wallMs: WALL_MS + at },
    ]),
    {
      at: ANCHOR_MS - 100,
      kind: 'load.started',
      runner: 'load',
      wallMs: WALL_MS + ANCHOR_MS,
      ratePerS: RATE_PER_S,
      pointsPerWrite: 100,
      vus: VUS,
      warmupMs,
      forMs,
      judged: true,
    },
    {
      at: endMs,
      kind: 'load.ended',
      runner: 'load',
      exitCode: 0,
      signal: null,
      iterations: lines.length,
      dropped: Math.round((forMs / 1_000) * RATE_PER_S) - lines.length,
      why: 'its time was over',
    },
    {
      at: endMs + 2_000,
      kind: 'readback',
      fromMs: endMs + 1_000,
      toMs: endMs + 2_000,
      complete: true,
      why: '',
      runners: ['load'],
    },
    { at: endMs + 3_000, kind: 'run.ended', interrupted: false },
  ];
  const log = (story.log ?? same)(lines.map((line, index) => textOf(line, index, story)).join(''));
  const stored = (story.stored ?? same)(storedText(lines));
  const edit = story.edit ?? ((event: Event) => event);
  return {
    plan: planOf(story, forMs, warmupMs),
    events: [...events.flatMap((event) => edit(event) ?? []), ...(story.events ?? [])],
    logs: log === null ? [] : [fileOf('load', log)],
    stored: stored === null ? [] : [fileOf('load', stored)],
    states: story.states === undefined ? [] : [fileOf('load', story.states)],
    watch: () => story.watch ?? [],
    remarks: [],
    damaged: { count: 0, lines: [] },
  };
}

/** The line of a write, with the lines of its failed attempts before it. */
function textOf(line: LedgerLine, index: number, { attempts }: Story): string {
  const { vu, n, dueMs } = line;
  const failed = attempts?.(index, dueMs).map((attempt) => formatAttemptLine({ vu, n, ...attempt })) ?? [];
  return [...failed, formatLedgerLine(line)].map((text) => `${text}\n`).join('');
}

/** Dropped iterations take no number, so every later `due` is early by as many periods: as the real generator does it. */
function writes(story: Story, forMs: number): LedgerLine[] {
  const periodMs = 1_000 / RATE_PER_S;
  const lines: LedgerLine[] = [];
  for (let index = 0; index * periodMs < forMs; index += 1) {
    const change = story.write === undefined ? {} : story.write(index, index * periodMs);
    if (change === null) continue;
    const shiftMs = (index - lines.length) * periodMs;
    const line: LedgerLine = {
      outcome: 'A',
      vu: (lines.length % VUS) + 1,
      n: Math.floor(lines.length / VUS) + 1,
      dueMs: lines.length * periodMs,
      latMs: 20,
      lagMs: 0,
      status: 200,
      code: 0,
      attempts: 1,
      ...change,
    };
    lines.push({ ...line, latMs: line.latMs + shiftMs, lagMs: line.lagMs + shiftMs });
  }
  return lines;
}

function storedText(lines: readonly LedgerLine[]): string {
  const acknowledged = lines.filter(({ outcome }) => outcome === 'A');
  return `${acknowledged.map(({ vu, n }) => `${vu}:${n}-${n}\n`).join('')}end\n`;
}

/** What a pod of the run did, in a line; `name` is its uid, too. */
export function podEvent(
  at: number,
  name: string,
  state: EventOf<'pod'>['state'],
  why: string,
): EventOf<'pod'> {
  return { at, kind: 'pod', pod: name, uid: name, state, why };
}

/** Three events of a fault that acts and ends, each proven within a tenth of a second. Times on the run's clock. */
export function faultEvents(fault: string, actingMs: number, goneMs: number): Event[] {
  return [
    { at: actingMs - 200, kind: 'fault.intent', fault, targets: ['a'], detail: 'cut' },
    { at: actingMs, kind: 'fault.injected', fault },
    { at: actingMs, kind: 'fault.proof', fault, saw: 'acting', notBeforeMs: actingMs - 100, detail: '' },
    { at: goneMs, kind: 'fault.proof', fault, saw: 'gone', notBeforeMs: goneMs - 100, detail: '' },
  ];
}

export function fileOf(runner: string, text: string): LedgerFile {
  return { runner, chunks: () => [new TextEncoder().encode(text)] };
}

function same(text: string): string {
  return text;
}

function planOf(story: Story, forMs: number, warmupMs: number): Plan {
  const faults = (story.faults ?? []).map((fault) => ({ ...fault, atMs: 20_000, slotMs: 20_000 }));
  return {
    schemaVersion: 1,
    runId: 'r',
    scenario: {
      name: 'told',
      question: 'Does it hold?',
      system: 'told',
      load: { script: 'told', ratePerS: RATE_PER_S, pointsPerWrite: 100, forMs, warmupMs },
      calibrate: false,
      disturb: faults.map(({ name, fault }) => ({ name, fault })),
      good: { served: 0.99, latencyMs: 500, bins: 3, ...story.good },
      expect: story.expect ?? [{ check: 'told' }],
    },
    platform: 'local',
    seed: 1,
    faults,
    workload: {
      name: 'told',
      replicas: 3,
      graceMs: 30_000,
      preStopMs: 0,
      readiness: { delayMs: 0, periodMs: 2_000, timeoutMs: 1_000, failures: 3 },
      liveness: { delayMs: 0, periodMs: 10_000, timeoutMs: 1_000, failures: 3 },
      maxSurge: 1,
      maxUnavailable: 0,
      ...story.workload,
    },
    versions: {},
    machine: { cpus: 2, memoryMb: 1_000, cpuModel: 'told' },
  };
}
