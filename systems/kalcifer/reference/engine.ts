/** What happens to triggers and events between the request and its answer: group commit, or one of the defects in its way. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Defect } from './defects.ts';
import type { Flows } from './flows.ts';
import { GroupCommit } from './group-commit.ts';
import { type CustomerEvent, deliverEvents } from './moves.ts';
import { startJourneys, type Trigger, type TriggerResult } from './triggers.ts';
import type { Truth } from './truth.ts';
import { startUnguarded } from './unguarded.ts';

export interface Engine {
  trigger(trigger: Trigger): Promise<TriggerResult>;
  /** How many journeys it has moved. */
  send(event: CustomerEvent): Promise<number>;
  /** SIGTERM has arrived. */
  terminate(): void;
  /** Resolves when everything that was acknowledged has been dealt with. */
  settled(): Promise<void>;
}

export interface EngineOptions {
  pool: Pool;
  flows: Flows;
  podName: string;
  defect: Defect | undefined;
  truth: Truth;
}

const LANES = 2;
const MAX_GROUP = 64;
const MAX_WAITING = 4_000;
const ACK_AHEAD_MS = 500;
const RETRY_MS = 100;

export function createEngine(options: EngineOptions): Engine {
  const { pool, flows, podName, defect, truth } = options;
  const limits = { lanes: LANES, maxGroup: MAX_GROUP, maxWaiting: MAX_WAITING };
  const start = defect === 'non-unique-guard' ? startUnguarded(pool, truth) : startJourneys;
  const triggers = new GroupCommit<Trigger, TriggerResult>({
    ...limits,
    commit: (group) => commitByVersion(group, (same) => start(pool, same, podName)),
  });
  const mine = (row: { started_by: string }, { data }: CustomerEvent): boolean => {
    if (row.started_by === podName) return true;
    truth.add([markOf(data)]);
    return false;
  };
  const eventOptions = defect === 'events-local-only' ? { pool, flows, mine } : { pool, flows };
  const events = new GroupCommit<CustomerEvent, number>({
    ...limits,
    commit: (group) => deliverEvents(eventOptions, group),
  });
  const engine: Engine = {
    trigger: (trigger) => triggers.submit(trigger),
    send: (event) => events.submit(event),
    terminate: () => undefined,
    settled: () => Promise.resolve(),
  };
  if (defect === 'ack-before-commit') return acknowledgeFirst(engine, truth);
  if (defect === 'drop-on-sigterm') return dropOnTerminate(engine, truth);
  return engine;
}

/** One transaction for each version of a flow among them: nearly always one. */
async function commitByVersion(
  group: readonly Trigger[],
  commit: (same: Trigger[]) => Promise<TriggerResult[]>,
): Promise<TriggerResult[]> {
  const byVersion = new Map<string, Trigger[]>();
  for (const trigger of group) {
    const same = byVersion.get(trigger.versionId) ?? [];
    byVersion.set(trigger.versionId, same);
    same.push(trigger);
  }
  const results = new Map<Trigger, TriggerResult>();
  for (const same of byVersion.values())
    for (const [index, result] of (await commit(same)).entries()) {
      const trigger = same[index];
      if (trigger !== undefined) results.set(trigger, result);
    }
  return group.map((trigger) => results.get(trigger) ?? 'stale');
}

/** The client's own mark of an event; events without one are nobody's. */
function markOf(data: Record<string, unknown>): string {
  return typeof data['proofload'] === 'string' ? data['proofload'] : '';
}

function acknowledgeFirst(engine: Engine, truth: Truth): Engine {
  const pending = new Set<Promise<void>>();
  const later = (mark: string, work: () => Promise<unknown>) => {
    truth.add([mark]);
    const stored = (async () => {
      await sleep(ACK_AHEAD_MS);
      while (!(await succeeds(work))) await sleep(RETRY_MS);
      truth.keep(mark);
    })();
    pending.add(stored);
    void stored.finally(() => pending.delete(stored));
  };
  return {
    trigger(trigger) {
      later(trigger.customerId, () => engine.trigger(trigger));
      return Promise.resolve('started');
    },
    send(event) {
      later(markOf(event.data), () => engine.send(event));
      return Promise.resolve(1);
    },
    terminate: () => undefined,
    async settled() {
      await Promise.all(pending);
    },
  };
}

async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}

function dropOnTerminate(engine: Engine, truth: Truth): Engine {
  let terminated = false;
  return {
    trigger(trigger) {
      if (!terminated) return engine.trigger(trigger);
      truth.add([trigger.customerId]);
      return Promise.resolve('started');
    },
    send(event) {
      if (!terminated) return engine.send(event);
      truth.add([markOf(event.data)]);
      return Promise.resolve(1);
    },
    terminate() {
      terminated = true;
    },
    settled: () => Promise.resolve(),
  };
}
