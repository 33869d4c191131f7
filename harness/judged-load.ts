/** The load that is judged, from its baseline over every disturbance to the steady state after the last one. */
import { disturb } from './disturb.ts';
import type { Platform } from '../platforms/platform.ts';
import { createGuard } from './guard.ts';
import type { LoadRunner } from './load-runner.ts';
import { watchPods } from './observe.ts';
import type { Progress } from './observer.ts';
import { pause, untilAborted } from './pause.ts';
import { randomFrom } from './random.ts';
import type { Session } from './session.ts';
import { measureIdle, prepareSurge } from './surge.ts';

/** Keeps the stream that chooses targets apart from the one that chose order and times, for every seed (2^32 / the golden ratio). */
const TARGET_SALT = 0x9e3779b9;

type FaultMaker = Pick<Platform, 'fault'>;

/** Resolves when the load has ended. A system that is not healthy in the baseline is not disturbed: the run is aborted. */
export async function judgedLoad(session: Session, loads: LoadRunner, ratePerS: number): Promise<void> {
  const { plan, observers, signal, enter } = session;
  const { load } = plan.scenario;
  enter('baseline');
  const idle = movesAutoscaler(session) ? await measureIdle(session) : null;
  const pods = watchPods(session);
  try {
    const seconds: Progress[] = [];
    const guard = createGuard(session);
    const running = await loads.start({
      runner: 'load',
      ratePerS,
      forMs: load.forMs,
      warmupMs: load.warmupMs,
      judged: true,
      onSecond(second) {
        seconds.push(second);
        guard.second(second);
        for (const observer of observers) observer.progress(second);
      },
    });
    const warmMs = running.beganMs + load.warmupMs;
    const faults: FaultMaker = {
      fault: (planned, random) => {
        const { fault } = planned;
        return typeof fault === 'object' && 'surge' in fault
          ? prepareSurge({
              session,
              loads,
              planned,
              surge: fault.surge,
              baseRatePerS: ratePerS,
              warmMs,
              idle,
            })
          : session.platform.fault(planned, random);
      },
    };
    await playFaults(session, running, faults, () => baselineFault(session, seconds, ratePerS));
    if (!signal.aborted) enter('recover');
    await Promise.race([running.ended, untilAborted(signal)]);
    await running.stop();
  } finally {
    await pods.stop();
  }
}

/** Whether a disturbance is computed from what the autoscaler sees of an idle workload. */
function movesAutoscaler({ plan }: Session): boolean {
  return plan.faults.some(
    ({ fault, notRun }) =>
      notRun === undefined && typeof fault === 'object' && 'surge' in fault && fault.surge === 'to-max',
  );
}

/** Each fault at its time, counted from the start of the load; `unhealthy` is asked once, before the first. */
async function playFaults(
  session: Session,
  running: Awaited<ReturnType<LoadRunner['start']>>,
  faults: FaultMaker,
  unhealthy: () => string | null,
): Promise<void> {
  const { plan, writer, nowMs, signal, enter, abort } = session;
  const random = randomFrom((plan.seed ^ TARGET_SALT) >>> 0);
  const endsMs = running.beganMs + plan.scenario.load.forMs;
  const load = { isOver: false };
  void running.ended.then(() => (load.isOver = true));
  for (const [index, planned] of plan.faults.filter(({ notRun }) => notRun === undefined).entries()) {
    await Promise.race([pause(running.beganMs + planned.atMs - nowMs(), signal), running.ended]);
    if (signal.aborted) return;
    if (index === 0) {
      const why = unhealthy();
      if (why !== null) {
        abort('inconclusive', why);
        return;
      }
      enter('disturb');
    }
    const leftMs = endsMs - nowMs();
    // A generator that died leaves nothing to break the system for.
    if (load.isOver || leftMs < planned.slotMs) {
      const why = load.isOver
        ? 'not started: the load had ended'
        : `not started: ${Math.round(leftMs / 1_000)} s of load were left and it needs ${Math.round(planned.slotMs / 1_000)} s`;
      writer.emit({ kind: 'fault.failed', fault: planned.name, why });
      continue;
    }
    await disturb({ planned, platform: faults, writer, random, nowMs, signal });
  }
}

/** Why the baseline was not healthy, or null. The warm-up is left out, and the last second, which may be half told. */
function baselineFault({ plan }: Session, seconds: Progress[], ratePerS: number): string | null {
  const { load, good } = plan.scenario;
  const counted = seconds.slice(Math.ceil(load.warmupMs / 1_000), -1);
  const ackedPerS = counted.reduce((sum, { acked }) => sum + acked, 0) / Math.max(1, counted.length);
  if (ackedPerS >= ratePerS * good.served) return null;
  return `the baseline was not healthy (${Math.round(ackedPerS)} of ${ratePerS} writes/s acknowledged), so nothing was disturbed`;
}
