/** What every step of a run shares: its directory, its clock, its journal, and the one switch that ends it early. */
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Platform, UndoJournal } from '../platforms/platform.ts';
import type { Contract } from '../record/contract.ts';
import type { Event, EventOf, Plan } from '../record/model.ts';
import { RunWriter } from '../record/writer.ts';
import type { GuardLimits } from './guard.ts';
import type { WatchPlan } from './prometheus/watch-plan.ts';
import type { RunObserver } from './observer.ts';
import type { EarlierRun } from './resume.ts';
import { openJournal } from './undo.ts';

/** Below this much free disk a database stops in ways that look like findings, MiB. */
const DISK_FLOOR_MB = 1_024;

export interface RunRequest {
  plan: Plan;
  platform: Platform;
  contract: Contract;
  systemDir: string;
  k6Path: string;
  /** Its load before is gone on with. */
  resumes?: EarlierRun | undefined;
  /** Of the Prometheus that watches the run; absent: none does. */
  watch?: WatchPlan;
  /** Folder that gets the run directory `<plan.runId>`. */
  outDir: string;
  /** Limits at which the run stops before its time. */
  guards: GuardLimits;
  /** Told of every event and of every second of load: live view, metrics. */
  observers: RunObserver[];
  /** Aborted on the first Ctrl-C: the load stops, faults are healed, what there is gets read back and judged. */
  signal: AbortSignal;
}

export type Phase = EventOf<'phase'>['phase'];

export interface Session extends Omit<RunRequest, 'signal' | 'outDir'> {
  dir: string;
  writer: RunWriter;
  undo: UndoJournal;
  /** Milliseconds since the start of the run, monotonic. */
  nowMs: () => number;
  /** Aborted when the run is to end early, whoever asked for it. */
  signal: AbortSignal;
  /** The step the run is in, for messages. */
  phase: () => Phase;
  enter: (phase: Phase) => void;
  /** Ends the run early on purpose, with the reason on record; the first reason counts. */
  abort: (verdict: EventOf<'run.aborted'>['verdict'], why: string) => void;
  /** By `abort`, and not by who asked for the run: then nobody waits at the keyboard. */
  isAborted: () => boolean;
}

/** File systems a run writes to: its directory, and the temporary folder that holds the local platform's store. */
export function writtenFolders(dir: string): string[] {
  return [dir, os.tmpdir()];
}

/** Makes the run directory and writes its first lines. */
export function openSession({ outDir, signal, ...request }: RunRequest): Session {
  const { plan, observers } = request;
  const dir = path.join(outDir, plan.runId);
  mkdirSync(dir, { recursive: true });
  const startedMs = performance.now();
  const nowMs = () => performance.now() - startedMs;
  const writer = new RunWriter(dir, nowMs);
  for (const observer of observers) writer.observe((event) => observer.event(event));
  writer.plan(plan);
  writer.emit({ kind: 'run.started', runId: plan.runId, wallMs: Date.now(), at: nowMs() });

  const ending = new AbortController();
  signal.addEventListener('abort', () => ending.abort(), { once: true });
  if (signal.aborted) ending.abort();
  let phase: Phase = 'deploy';
  let isAborted = false;
  const session: Session = {
    ...request,
    dir,
    writer,
    undo: openJournal(dir),
    nowMs,
    signal: ending.signal,
    phase: () => phase,
    enter(next) {
      phase = next;
      writer.emit({ kind: 'phase', phase });
    },
    abort(verdict, why) {
      if (ending.signal.aborted) return;
      isAborted = true;
      // First: where the event cannot be written, its observer asks for the end again.
      ending.abort();
      writer.emit({ kind: 'run.aborted', phase, why, verdict });
    },
    isAborted: () => isAborted,
  };
  writer.observe((event) => stopOnFullDisk(event, session));
  writer.observe(() => stopWithoutRecord(session));
  return session;
}

/** What is not written down cannot be judged. */
function stopWithoutRecord({ writer, abort }: Session): void {
  if (writer.failure) abort('invalid', `the history cannot be written: ${writer.failure.message}`);
}

function stopOnFullDisk(event: Event, { abort }: Session): void {
  if (event.kind !== 'host' || event.diskFreeMb >= DISK_FLOOR_MB) return;
  abort(
    'inconclusive',
    `only ${event.diskFreeMb} MB of disk are left, below the floor of ${DISK_FLOOR_MB} MB; free some, or shorten the run with --for`,
  );
}
