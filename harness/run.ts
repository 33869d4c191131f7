/**
 * One run, top to bottom. Everything was read and checked before (commands/run.ts); from here on things are started.
 *   1. deploy     the system, healthy, and where the scenario asks for it a Prometheus that watches it from here on (prometheus/)
 *   2. before     what the judged load needs to be there, where the scenario asks for it (before.ts)
 *   3. calibrate  the rate this machine can carry
 *   4. baseline, disturb, recover: the judged load, with each fault at its time, proven by its own probe (judged-load.ts)
 *   5. read back  what the store holds, and what has become of it
 *   6. undo       everything this run started, always
 * What happens goes into the run directory as it happens; judging it is somebody else's work (analysis/, checks/).
 */
import path from 'node:path';
import { drainLimits } from '../analysis/disruption/limits.ts';
import { CannotRun } from '../platforms/platform.ts';
import { LEFT_BEHIND, markOf, UsageError } from '../record/model.ts';
import { bundleScript } from './bundle.ts';
import { chooseRate } from './calibrate.ts';
import { restoreLeft, startWatchdog } from './heal.ts';
import { judgedLoad } from './judged-load.ts';
import { createLoadRunner, type LoadRunner } from './load-runner.ts';
import { playBefore } from './before.ts';
import { createPhaseNotes } from './phase-notes.ts';
import { tellLogic } from './prometheus/logic.ts';
import { type Watch, watchAlerts } from './prometheus/watch.ts';
import { lockRun, unlockRun } from './lock.ts';
import { watchHost } from './observe.ts';
import { readBack } from './read-back.ts';
import { readStates } from './read-states.ts';
import { takeOver } from './resume.ts';
import { openSession, type RunRequest, type Session } from './session.ts';
import { noteStandIns } from './stand-ins.ts';

/** Plays a prepared plan. Returns the run directory; throws only UsageError, for what turns out to be bad input while deploying. */
export async function run(request: RunRequest): Promise<string> {
  const session = openSession(request);
  const { platform, writer, dir, plan, signal, undo } = session;
  const interrupted: { interruptedAtMs?: number } = {};
  request.signal.addEventListener('abort', () => (interrupted.interruptedAtMs = session.nowMs()), {
    once: true,
  });
  lockRun(dir);
  const phases = createPhaseNotes();
  if (plan.scenario.before) writer.observe((event) => phases.event(event));
  const watchdog = startWatchdog(dir, undo, plan.runId);
  let loads: LoadRunner | undefined;
  let alerts: Watch | undefined;
  const groups = () => ({ supervisor: [process.pid], ...platform.processGroups(), k6: loads?.pids() ?? [] });
  const host = watchHost({ session, groups });
  let badInput: UsageError | undefined;
  try {
    // Before anything is started: a script that does not build is bad input.
    const { load, before } = plan.scenario;
    const scriptJs = await bundleScript(load.script, path.join(dir, 'evidence'));
    const beforeJs = before && (await bundleScript(before.script, path.join(dir, 'evidence')));
    const environment = await deploy(session);
    if (request.resumes) await takeOver(session, request.resumes);
    alerts = await watch(session);
    if (before && beforeJs !== undefined) {
      loads = createLoadRunner({ session, load: before, scriptJs: beforeJs, environment });
      environment['AIM'] = await playBefore(session, loads, before);
    }
    loads = createLoadRunner({ session, load, scriptJs, environment });
    const ratePerS = signal.aborted ? null : await chooseRate(session, loads, groups);
    if (ratePerS !== null && !signal.aborted) await judgedLoad(session, loads, ratePerS);
    await alerts?.settle();
    await alerts?.end();
    await noteStandIns(session);
    await readBack(session);
    await readStates(session);
  } catch (error) {
    // A deployment that failed half-way may have made secrets of its own, and its message may quote a log.
    writer.redact(platform.sensitive());
    if (error instanceof UsageError) badInput = error;
    else if (error instanceof CannotRun) session.abort('invalid', error.message);
    // An interrupted deployment ends in an error too: that is no crash, and the history says that it was interrupted.
    if (!request.signal.aborted && !(error instanceof CannotRun)) {
      writer.emit({ kind: 'run.crashed', phase: session.phase(), message: messageOf(error) });
    }
  } finally {
    try {
      session.enter('undo');
    } finally {
      // Whatever happened above, a full disk included: nothing stays behind.
      await loads?.stopAll();
      await alerts?.end();
      await platform.remove();
      host.stop();
      const { undone, left } = await restoreLeft(dir, undo);
      for (const what of undone)
        writer.emit({ kind: 'note', text: `taken back at the end of the run: ${what}` });
      for (const what of left) writer.emit({ kind: 'note', text: `${LEFT_BEHIND}${what}` });
    }
    for (const text of phases.lines(session.nowMs())) writer.emit({ kind: 'note', text });
    writer.emit({ kind: 'run.ended', interrupted: request.signal.aborted, ...interrupted });
    writer.close();
    await watchdog.dismiss();
    unlockRun(dir);
  }
  if (badInput) throw badInput;
  return dir;
}

/** Resolves with the environment of the k6 scripts. */
async function deploy(session: Session): Promise<Record<string, string>> {
  const { plan, platform, contract, writer, dir, undo, signal, systemDir } = session;
  session.enter('deploy');
  for (const { text } of drainLimits(plan.workload)) writer.emit({ kind: 'note', text });
  writer.redact(platform.sensitive());
  await platform.deploy({
    runId: plan.runId,
    systemDir,
    ...(plan.scenario.overlay === undefined ? {} : { overlay: plan.scenario.overlay }),
    ...(plan.defect === undefined ? {} : { defect: plan.defect }),
    autoscale: plan.scenario.autoscale,
    evidenceDir: path.join(dir, 'evidence'),
    emit: writer.emit,
    redact: writer.redactLine,
    undo,
    nowMs: session.nowMs,
    signal,
  });
  const { env, sensitive } = contract.loadEnv({
    url: platform.loadUrl(),
    runId: markOf(plan),
    secrets: platform.secrets(),
  });
  writer.redact([...platform.sensitive(), ...sensitive]);
  return env;
}

/** What its alerts are worth without this run, and a Prometheus that has something to see by the time there is a load. */
async function watch(session: Session): Promise<Watch | undefined> {
  const { watch: plan, platform, writer, nowMs, signal } = session;
  if (plan === undefined || signal.aborted) return undefined;
  await tellLogic(plan, writer, signal);
  const start = platform.startPrometheus.bind(platform);
  return watchAlerts({ plan, start, writer, nowMs, signal });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
