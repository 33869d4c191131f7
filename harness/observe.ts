/**
 * Watches from the harness's side while a run goes on: one small write through every pod each second, beside what the pod says of
 * its readiness; the host; and the clocks. Observers have no opinion: they only write events.
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { CpuGroups, PodView } from '../platforms/platform.ts';
import type { WriteIdentity } from '../record/contract.ts';
import { formatLedgerLine } from '../record/ledger.ts';
import { markOf } from '../record/model.ts';
import { hostSampler } from './host.ts';
import { type Session, writtenFolders } from './session.ts';

const PERIOD_MS = 1_000;
/** A write that takes longer does not count as served; below the client's own timeout, so that a cut is seen soon. */
const PROBE_TIMEOUT_MS = 2_000;
const CLOCK_PERIOD_MS = 5_000;

/** Name of the ledger that the probes' own writes are kept in: they are acknowledged writes like any other. */
const PROBE_RUNNER = 'probe';

/** A tick this late left a stretch unobserved. */
const GAP_MS = 3 * PERIOD_MS;

/** Writes through each pod once a second, at most one in flight per pod. `stop` waits for those. */
export function watchPods(session: Session): { stop(): Promise<void> } {
  const { platform, contract, writer, plan, nowMs } = session;
  const secrets = platform.secrets();
  const ledger = path.join(session.dir, 'ledger', `${PROBE_RUNNER}.log`);
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

  const probe = async (pod: PodView, id: WriteIdentity): Promise<void> => {
    const startMs = nowMs();
    const seen = await contract.probeWrite({
      url: pod.url,
      runId: markOf(plan),
      secrets,
      id,
      timeoutMs: PROBE_TIMEOUT_MS,
    });
    const dueMs = Math.round(startMs - anchorMs);
    const latMs = Math.round(nowMs() - startMs);
    const line = {
      outcome: seen.outcome,
      vu: id.vu,
      n: id.n,
      dueMs,
      latMs,
      lagMs: 0,
      status: seen.status,
      code: 0,
      attempts: 1,
    };
    appendFileSync(ledger, `${formatLedgerLine(line)}\n`);
    // Readiness as it was when the write began and still is: a pod that changed in between is asked again in a second.
    const now = platform.pods().find((candidate) => candidate.uid === pod.uid);
    if (now?.ready === pod.ready && !now.terminating) {
      const { name, uid, ready } = pod;
      writer.emit({
        kind: 'serves',
        pod: name,
        uid,
        ready,
        serves: seen.serves,
        detail: seen.detail,
        at: startMs,
      });
    }
  };

  const look = (pod: PodView): void => {
    const lane = lanes.get(pod.uid) ?? { vu: lanes.size + 1, n: 0, busy: false };
    lanes.set(pod.uid, lane);
    if (lane.busy || pod.terminating) return;
    lane.busy = true;
    lane.n += 1;
    const startMs = nowMs();
    const flight = probe(pod, { runner: PROBE_RUNNER, vu: lane.vu, n: lane.n })
      .catch((error: unknown) => gap(session, `pod ${pod.name}`, startMs, String(error)))
      .finally(() => {
        lane.busy = false;
        inFlight.delete(flight);
      });
    inFlight.add(flight);
  };
  const timer = everySecond(session, 'pods', () => platform.pods().forEach(look));
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
    },
  };
}

/** Samples the machine once a second and the clocks every five. `groups` names the process ids of the moment. */
export function watchHost(options: { session: Session; groups: () => CpuGroups }): {
  stop(): void;
} {
  const { session, groups } = options;
  const { writer, dir, nowMs } = session;
  const sample = hostSampler(writtenFolders(dir));
  let clockDueMs = 0;
  const timer = everySecond(session, 'host', () => {
    const seen = sample(groups());
    if (seen) writer.emit({ kind: 'host', ...seen });
    if (nowMs() < clockDueMs) return;
    clockDueMs = nowMs() + CLOCK_PERIOD_MS;
    writer.emit({ kind: 'clock', wallMs: Date.now() });
  });
  return { stop: () => clearInterval(timer) };
}

/** Looks every second; a look that comes late or fails is a gap in the history, never the end of the run. */
function everySecond(session: Session, what: string, look: () => void): NodeJS.Timeout {
  let lastMs = session.nowMs();
  return setInterval(() => {
    const fromMs = lastMs;
    lastMs = session.nowMs();
    if (lastMs - fromMs > GAP_MS) gap(session, what, fromMs, 'the harness was not scheduled');
    try {
      look();
    } catch (error) {
      gap(session, what, fromMs, String(error));
    }
  }, PERIOD_MS);
}

function gap({ writer, nowMs }: Session, what: string, fromMs: number, why: string): void {
  writer.emit({ kind: 'gap', what, fromMs, toMs: nowMs(), why });
}
