/**
 * More load for a while, beside the judged one: what an autoscaler is moved with. It comes in steps, each a k6 of its own, so that every
 * runner keeps a constant rate and its ledger says what was dropped. Its own ledger lines are its proof.
 */
import { demandForAlone } from '../analysis/hpa/rest-points.ts';
import type { PreparedFault, Scaling } from '../platforms/platform.ts';
import type { PlannedFault } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';
import type { LoadRunner, StartedLoad } from './load-runner.ts';
import { pause } from './pause.ts';
import type { Session } from './session.ts';

/** A ramp, so that the controller is seen deciding more than once. */
const STEPS = 3;
const STEP_MS = 15_000;
/** Each runner goes on a little longer than the fault is held: the end of its schedule is awaited, nothing in flight is cut off. */
const TAIL_MS = 4_000;
/** A surge that wrote nothing for this long is not acting. */
const SILENT_MS = 3_000;
/**
 * Above the load that the price of the judged writes asks for, since writes get cheaper as there are more of them and as code gets warm: 1.25m each
 * at 40/s and 0.44m at 520/s were measured. Too much is harmless: the largest size stays the only legal end.
 */
const HEADROOM = 2;
/** A sample's window ends up to the metrics' resolution after a pod is Ready, and the next one has to come. */
const SAMPLES_WITHIN_MS = 120_000;
/** A process that has just started is busy with itself. */
const COLD_MS = 15_000;

/** CPU that a pod uses when nobody asks anything of it. */
export interface Idle {
  milliPerPod: number;
}

/** Waits until every pod has a sample that began a while after its start. Throws when none comes, or no HPA scales the workload. */
export async function measureIdle(session: Session): Promise<Idle> {
  const { cpu } = await settled(session, session.nowMs() + COLD_MS);
  return { milliPerPod: sum(cpu) / cpu.length };
}

/** `baseRatePerS` is the judged load's. Nothing is started before `inject`. */
export async function prepareSurge(options: {
  session: Session;
  loads: LoadRunner;
  planned: PlannedFault;
  /** Writes a second, or what makes the largest size the only legal end. */
  surge: number | 'to-max';
  baseRatePerS: number;
  /** When that load was warm, on the run's clock. */
  warmMs: number;
  idle: Idle | null;
}): Promise<PreparedFault> {
  const { session, loads, planned, surge } = options;
  const { nowMs, plan, signal } = session;
  const { ratePerS, why } =
    surge === 'to-max' ? await rateToMax(options) : { ratePerS: surge, why: 'as the scenario says' };
  const forMs = planned.forMs ?? 0;
  const started: StartedLoad[] = [];
  let ackedAtMs = Number.NEGATIVE_INFINITY;
  let acked = 0;
  let ended = 0;
  let steps: Promise<void> | undefined;
  /** Why less than the whole load is there. */
  let broken: string | null = null;
  const stopped = new AbortController();

  const watch = async (run: StartedLoad, step: number) => {
    const end = await run.ended;
    ended += 1;
    if (!stopped.signal.aborted) broken ??= `its runner ${step + 1} ended before its time (${end.why})`;
  };
  const begin = async (step: number) => {
    const run = await loads.start({
      runner: `${planned.name}-${step + 1}`,
      ratePerS: Math.max(1, Math.round(ratePerS / STEPS)),
      forMs: forMs - step * STEP_MS + TAIL_MS,
      warmupMs: 0,
      judged: false,
      onSecond(second) {
        acked += second.acked;
        if (second.acked > 0) ackedAtMs = nowMs();
      },
    });
    started.push(run);
    void watch(run, step);
    if (stopped.signal.aborted) await run.stop();
  };
  const ramp = async () => {
    for (let step = 0; step < STEPS && !stopped.signal.aborted; step += 1) {
      if (step > 0) await pause(STEP_MS, AbortSignal.any([signal, stopped.signal]));
      if (!signal.aborted && !stopped.signal.aborted) await begin(step);
    }
  };
  return {
    targets: [plan.workload.name],
    detail: `${Math.round(ratePerS)} writes/s more, in ${STEPS} steps of ${STEP_MS / 1_000} s: ${why}`,
    // k6 starts, writes for a second, and the second is told when it is over.
    actsWithinMs: 30_000,
    inject() {
      steps = ramp();
      steps.catch((error: unknown) => (broken ??= `a runner could not be started (${reasonOf(error)})`));
      return Promise.resolve();
    },
    async heal() {
      stopped.abort();
      await steps?.catch(() => undefined);
      // What runs to the end of its schedule leaves no write without an answer; a run that has to end does not wait for it.
      if (signal.aborted) await Promise.all(started.map((run) => run.stop()));
      await Promise.all(started.map((run) => run.ended));
    },
    observe() {
      // A part of the load is not the load that the HPA is held against. Once it is to end, it is gone with its last runner.
      const whole = broken === null || stopped.signal.aborted;
      const acting = whole && ended < started.length && nowMs() - ackedAtMs < SILENT_MS;
      const detail = `${started.length - ended} of ${STEPS} runners are running, ${acked} writes were acknowledged so far${broken === null ? '' : `; ${broken}`}`;
      return Promise.resolve({ acting, detail });
    },
  };
}

/** The load whose legal end is the largest size alone, from what one write costs in this run. */
async function rateToMax({
  session,
  baseRatePerS,
  warmMs,
  idle,
}: Pick<Parameters<typeof prepareSurge>[0], 'session' | 'baseRatePerS' | 'warmMs' | 'idle'>): Promise<{
  ratePerS: number;
  why: string;
}> {
  if (idle === null) throw new Error('what an idle pod uses was not measured');
  const { cpu, spec, requestMilli, limitMilli } = await settled(session, warmMs);
  const usedMilli = sum(cpu);
  const perWriteMilli = (usedMilli - cpu.length * idle.milliPerPod) / baseRatePerS;
  if (!(perWriteMilli > 0))
    throw new Error(
      `what a write costs cannot be told: ${cpu.length} pods use ${usedMilli.toFixed(0)}m under ${baseRatePerS} writes/s, and ${idle.milliPerPod.toFixed(1)}m each without them`,
    );
  const { demandMilli, ends, path } = demandForAlone(spec.max, {
    spec,
    requestMilli,
    limitMilli,
    idleMilli: idle.milliPerPod,
  });
  const [least, beyond] = demandMilli;
  const wantedMilli = Number.isFinite(beyond) ? (least + beyond) / 2 : least * HEADROOM;
  const end =
    ends.length === 1 ? `the only legal end is ${spec.max}` : `the legal ends are ${ends.join(' and ')}`;
  const arrives =
    path.at(-1) === spec.max ? '' : `, which it cannot reach under its CPU limit (${path.join(' > ')})`;
  return {
    ratePerS: Math.max(STEPS, wantedMilli / perWriteMilli - baseRatePerS),
    why: `a write costs ${perWriteMilli.toFixed(2)}m and an idle pod ${idle.milliPerPod.toFixed(1)}m, and from ${least.toFixed(0)}m on ${end} pods${arrives}`,
  };
}

/** The first answer in which every pod's sample began after `sinceMs` of the run's clock. */
async function settled({ platform, nowMs, signal }: Session, sinceMs: number): Promise<Scaling> {
  const untilMs = nowMs() + SAMPLES_WITHIN_MS;
  for (;;) {
    const scaling = await platform.scaling?.();
    if (scaling === undefined || scaling === null)
      throw new Error(`no HPA scales the workload on the ${platform.name} platform`);
    const fresh = scaling.cpu.every(({ atMs, windowMs }) => atMs - windowMs >= sinceMs);
    if (scaling.cpu.length > 0 && fresh) return scaling;
    if (signal.aborted || nowMs() >= untilMs)
      throw new Error(`the metrics API had no sample of every pod within ${SAMPLES_WITHIN_MS / 1_000} s`);
    await pause(1_000, signal);
  }
}

function sum(cpu: Scaling['cpu']): number {
  return cpu.reduce((total, { usageMilli }) => total + usageMilli, 0);
}
