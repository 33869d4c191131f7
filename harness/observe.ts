/**
 * Watches from the harness's side while a run goes on: one small write through every pod each second, beside what the pod says of
 * its readiness; the host; and the clocks. Observers have no opinion: they only write events.
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { Platform } from '../platforms/platform.ts';
import type { Contract, WriteIdentity } from '../record/contract.ts';
import { formatLedgerLine } from '../record/ledger.ts';
import type { RunWriter } from '../record/writer.ts';
import { hostSampler } from './host.ts';

const PERIOD_MS = 1_000;
/** A write that takes longer does not count as served; below the client's own timeout, so that a cut is seen soon. */
const PROBE_TIMEOUT_MS = 2_000;
const CLOCK_PERIOD_MS = 5_000;

/** Name of the ledger that the probes' own writes are kept in: they are acknowledged writes like any other. */
const PROBE_RUNNER = 'probe';

export interface Watch {
  stop(): Promise<void>;
}

/** Writes through each pod once a second; at most one write in flight per pod. */
export function watchPods(options: {
  platform: Platform;
  contract: Contract;
  writer: RunWriter;
  runId: string;
  nowMs: () => number;
}): Watch {
  const { platform, contract, writer, runId, nowMs } = options;
  const secrets = platform.secrets();
  const ledger = path.join(writer.dir, 'ledger', `${PROBE_RUNNER}.log`);
  const anchorMs = nowMs();
  const lanes = new Map<string, { vu: number; n: number; busy: boolean }>();
  const inFlight = new Set<Promise<void>>();
  writer.emit({
    kind: 'load.started',
    runner: PROBE_RUNNER,
    wallMs: Date.now(),
    ratePerS: 1,
    pointsPerWrite: 1,
    vus: 1,
    warmupMs: 0,
    forMs: 0,
    judged: false,
  });

  const probe = async (pod: ReturnType<Platform['pods']>[number], id: WriteIdentity): Promise<void> => {
    const startMs = nowMs();
    const seen = await contract.probeWrite({ url: pod.url, runId, secrets, id, timeoutMs: PROBE_TIMEOUT_MS });
    const dueMs = Math.round(startMs - anchorMs);
    const latMs = Math.round(nowMs() - startMs);
    appendFileSync(
      ledger,
      `${formatLedgerLine({ outcome: seen.outcome, vu: id.vu, n: id.n, dueMs, latMs, lagMs: 0, status: seen.status, code: 0, attempts: 1 })}\n`,
    );
    // Readiness as it was when the write began and still is: a pod that changed in between is asked again in a second.
    const now = platform.pods().find((candidate) => candidate.uid === pod.uid);
    if (now?.ready === pod.ready && !now.terminating) {
      writer.emit({
        kind: 'serves',
        pod: pod.name,
        uid: pod.uid,
        ready: pod.ready,
        serves: seen.serves,
        detail: seen.detail,
        at: startMs,
      });
    }
  };

  const timer = setInterval(() => {
    for (const pod of platform.pods()) {
      if (pod.terminating) continue;
      const lane = lanes.get(pod.uid) ?? { vu: lanes.size + 1, n: 0, busy: false };
      lanes.set(pod.uid, lane);
      if (lane.busy) continue;
      lane.busy = true;
      lane.n += 1;
      const flight = probe(pod, { runner: PROBE_RUNNER, vu: lane.vu, n: lane.n }).finally(() => {
        lane.busy = false;
        inFlight.delete(flight);
      });
      inFlight.add(flight);
    }
  }, PERIOD_MS);

  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
    },
  };
}

/** Samples the machine once a second and the clocks every five. `groups` names the process ids of the moment. */
export function watchHost(options: {
  writer: RunWriter;
  diskPath: string;
  groups: () => Record<string, number[]>;
  nowMs: () => number;
}): Watch {
  const { writer, diskPath, groups, nowMs } = options;
  const sample = hostSampler(diskPath);
  let clockDueMs = 0;
  const timer = setInterval(() => {
    const seen = sample(groups());
    if (seen) writer.emit({ kind: 'host', ...seen });
    if (nowMs() < clockDueMs) return;
    clockDueMs = nowMs() + CLOCK_PERIOD_MS;
    writer.emit({ kind: 'clock', wallMs: Date.now() });
  }, PERIOD_MS);
  return {
    stop() {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
