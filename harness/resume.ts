/**
 * `--resume`: a run that goes on with the load before of an earlier one, in a system that stayed where it was. The earlier run's writes are still
 * owed: their ledgers are copied, with what the history says of them, and judged together with those of this run.
 */
import { constants, copyFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CannotRun } from '../platforms/platform.ts';
import { type Event, type EventOf, markOf, type Scenario, UsageError } from '../record/model.ts';
import { openRun, type RunRecord } from '../record/reader.ts';
import { reasonOf } from '../record/reason.ts';
import { aimAt, roundOf } from './before.ts';
import { livingHarness } from './lock.ts';
import type { Session } from './session.ts';

const ENDED_WITH_IT =
  'that run was played on local processes, and they ended with it; start again without --resume';
/** Runners of the store that are named in an error. */
const MAX_NAMED = 5;

export interface EarlierRun {
  /** Its directory. */
  dir: string;
  runId: string;
  /** The id in the marks of its writes. */
  mark: string;
}

/** Throws UsageError when `dir` is no run that ended in the load before, or one of another scenario, system or size. */
export function earlierRun(dir: string, scenario: Scenario): EarlierRun {
  const pid = livingHarness(dir);
  if (pid !== null)
    throw new UsageError(
      `--resume ${dir}: that run is still going on (pid ${pid}); stop it with Ctrl-C first`,
    );
  const record = openRun(dir);
  const { plan } = record;
  const why =
    plan.platform === 'local' ? ENDED_WITH_IT : (differenceOf(plan.scenario, scenario) ?? whyOver(record));
  if (why !== null) throw new UsageError(`--resume ${dir}: ${why}`);
  return { dir, runId: plan.runId, mark: markOf(plan) };
}

/** Whether a run ended where another can go on. */
export function isResumable(dir: string): boolean {
  return whyOver(openRun(dir)) === null;
}

/** Why there is nothing to go on with; null = there is. */
function whyOver({ plan, logs }: RunRecord): string | null {
  if (plan.scenario.before === undefined)
    return `scenario ${plan.scenario.name} has no load before; only that is gone on with`;
  // With its first write events may have been sent: which journeys still wait is not known any more.
  if (logs.some(({ runner }) => roundOf(runner) === null))
    return 'its load before was over and the judged one had begun; start again without --resume';
  return logs.length === 0 ? 'it had started nothing yet; start again without --resume' : null;
}

/** What is not the same, in words; null = the same load before, on the same system. */
function differenceOf(was: Scenario, is: Scenario): string | null {
  for (const key of ['name', 'system', 'overlay', 'before'] as const) {
    if (isDeepStrictEqual(was[key], is[key])) continue;
    const [there, here] = [was[key], is[key]].map((value) => JSON.stringify(value) ?? 'none');
    return `its ${key} is ${there}, and here it is ${here}; give the same scenario and the same --journeys`;
  }
  return null;
}

/**
 * Takes the writes of the earlier run into this one's record. Throws UsageError, before that, when the store is not as the earlier run left it;
 * CannotRun when it cannot be asked.
 */
export async function takeOver(session: Session, { dir, runId, mark }: EarlierRun): Promise<void> {
  const { writer } = session;
  const { events, logs } = openRun(dir);
  const runners = logs.map(({ runner }) => runner);
  const { acknowledged } = aimAt(logs);
  const found = await storedRunners(session, mark);
  if (acknowledged > 0 && !runners.some((runner) => found.has(runner)))
    throw new UsageError(
      `--resume ${dir}: none of its ${acknowledged} acknowledged writes is in the store: either this is another system, or it has lost all of them`,
    );
  // Their marks would be given a second time.
  const others = [...found].filter((runner) => !runners.includes(runner));
  if (others.length > 0)
    throw new UsageError(
      `--resume ${dir}: the store holds more than this run knows of (${others.slice(0, MAX_NAMED).join(', ')}): another run has gone on with it already; go on with that one`,
    );
  for (const runner of runners) {
    const name = path.join('ledger', `${runner}.log`);
    copyFileSync(path.join(dir, name), path.join(session.dir, name), constants.COPYFILE_EXCL);
  }
  for (const event of loadEvents(events, runners, runId))
    writer.emit({ ...event, at: onThisClock(session, events, event.at) });
  writer.emit({
    kind: 'note',
    text: `goes on with the load before of run ${runId}: ${acknowledged} of its writes were acknowledged (${runners.join(', ')})`,
  });
}

/** Whose writes with that mark the store holds. */
async function storedRunners({ contract, platform }: Session, mark: string): Promise<Set<string>> {
  const found = new Set<string>();
  try {
    for await (const { runner } of contract.readBack({ storeEnv: platform.storeEnv(), runId: mark }))
      found.add(runner);
    return found;
  } catch (error) {
    throw new CannotRun(`what the store holds of run ${mark} could not be read: ${reasonOf(error)}`);
  }
}

/** When each of its loads began and ended. Of one that was killed with its harness nobody counted what it wrote, and that is said. */
function loadEvents(
  events: readonly Event[],
  runners: readonly string[],
  runId: string,
): (EventOf<'load.started'> | EventOf<'load.ended'>)[] {
  const told = events.filter((event) => event.kind === 'load.started' || event.kind === 'load.ended');
  const open = runners.filter((runner) => {
    const kinds = told.filter((event) => event.runner === runner).map(({ kind }) => kind);
    return kinds.includes('load.started') && !kinds.includes('load.ended');
  });
  const at = events.reduce((last, event) => Math.max(last, event.at), 0);
  const why = `run ${runId} was killed while it was played`;
  return [
    ...told.filter(({ runner }) => runners.includes(runner)),
    ...open.map((runner) => ({
      at,
      kind: 'load.ended' as const,
      runner,
      exitCode: null,
      signal: null,
      iterations: null,
      dropped: null,
      why,
    })),
  ];
}

/** A time of the earlier run on this one's clock, by the wall clock, which both looked at: below 0. */
function onThisClock({ nowMs }: Session, events: readonly Event[], atMs: number): number {
  const looks = events.filter((event) => event.kind === 'run.started' || event.kind === 'clock');
  const look = looks.findLast(({ at }) => at <= atMs) ?? looks[0];
  const wallMs = look === undefined ? atMs : look.wallMs + (atMs - look.at);
  return wallMs - (Date.now() - nowMs());
}
