/** The state of a run in words, for a terminal and for a log: pure, so that it is tested without either and without a clock. */
import { formatDuration } from '../record/duration.ts';
import { type Event, type EventOf, LEFT_BEHIND } from '../record/model.ts';
import { figure, printable } from '../record/report.ts';
import type { LiveState } from './live-state.ts';
import type { Progress } from './observer.ts';

/** The block that is redrawn in place. */
export function block(state: LiveState, nowMs: number): string[] {
  const { plan, last, total, load } = state;
  const lines = [
    `${printable(plan.scenario.name)}  ${printable(plan.runId)}  ${seconds(nowMs)} elapsed`,
    `phases    ${phases(state, nowMs) || 'starting'}`,
  ];
  const before = beforeWords(state);
  if (before !== null) lines.push(`before    ${before}`);
  if (load) {
    const offered = `${figure(load.ratePerS)} writes/s offered`;
    if (state.loading && last) {
      lines.push(`load      ${offered}, ${served(last, load.pointsPerWrite)}`, `errors    ${errors(last)}`);
    } else lines.push(`load      ${offered}, nothing measured now`);
    lines.push(`so far    ${totals(total)}`);
  }
  const ready = [...state.ready.values()].filter(Boolean).length;
  lines.push(`replicas  ${ready} of ${plan.workload.replicas} ready`);
  for (const [name, fault] of state.faults) {
    if (fault.state === 'over') continue;
    const since = seconds(nowMs - fault.sinceMs);
    const doing =
      fault.state === 'acting' ? `acting for ${since}` : `aimed ${since} ago, not seen acting yet`;
    lines.push(`fault     ${printable(name)} on ${targetWords(fault.targets)}: ${doing}`);
  }
  const next = nextStep(state, nowMs);
  if (next) lines.push(`next      ${next}`);
  if (state.busy !== null) lines.push(`machine   ${Math.round(state.busy * 100)} % busy`);
  return lines;
}

/** One progress line for a log, or null while there is nothing to say. */
export function progressLine(state: LiveState, nowMs: number): string | null {
  const before = beforeWords(state);
  if (before !== null) return `before the load: ${before}`;
  if (!state.load || !state.last || !state.loading) return null;
  const ready = [...state.ready.values()].filter(Boolean).length;
  const next = nextStep(state, nowMs);
  return (
    `${served(state.last, state.load.pointsPerWrite)}, ${errors(state.last)}; so far ${totals(state.total)}; ` +
    `${ready} of ${state.plan.workload.replicas} replicas ready${next ? `; ${next}` : ''}`
  );
}

/** One line for an event that a reader of a log has to see, else null. */
export function eventLine(event: Event): string | null {
  switch (event.kind) {
    case 'run.started':
      return `run ${printable(event.runId)}`;
    case 'phase':
      return `phase ${event.phase}`;
    case 'calibration':
      return event.carried
        ? `calibration: ${figure(event.ratePerS)} writes/s are carried`
        : `calibration: ${figure(event.ratePerS)} writes/s are not carried: ${printable(event.why)}`;
    case 'rate':
      return `rate: ${figure(event.ratePerS)} of ${figure(event.askedPerS)} writes/s asked for`;
    case 'gap':
      return `not observed ${seconds(event.fromMs)} to ${seconds(event.toMs)}: ${printable(event.what)}: ${printable(event.why)}`;
    case 'fault.intent':
      return `fault ${printable(event.fault)}: ${printable(event.detail)}; on ${targetWords(event.targets)}`;
    case 'fault.injected':
      return `fault ${printable(event.fault)}: injected`;
    case 'fault.proof':
      return `fault ${printable(event.fault)}: its probe saw it ${SAW[event.saw]}: ${printable(event.detail)}`;
    case 'fault.healed':
      return `fault ${printable(event.fault)}: healed`;
    case 'fault.failed':
      return `fault ${printable(event.fault)}: failed: ${printable(event.why)}`;
    case 'readback':
      return event.complete ? 'read back: complete' : `read back: incomplete: ${printable(event.why)}`;
    case 'run.aborted':
      return `ending early in phase ${printable(event.phase)}: ${printable(event.why)}`;
    case 'run.crashed':
      return `Proofload crashed in phase ${printable(event.phase)}: ${printable(event.message)}`;
    case 'note':
      return event.text.startsWith(LEFT_BEHIND) ? printable(event.text) : null;
    case 'run.ended':
      return event.interrupted ? 'run ended: interrupted' : 'run ended';
    default:
      return null;
  }
}

const SAW: Record<EventOf<'fault.proof'>['saw'], string> = {
  acting: 'acting',
  gone: 'gone',
  elsewhere: 'act elsewhere too',
  never: 'never act',
};

function phases({ phases: entered, endedMs }: LiveState, nowMs: number): string {
  return entered
    .map(({ name, fromMs }, index) => {
      const next = entered[index + 1];
      const toMs = next?.fromMs ?? endedMs ?? nowMs;
      const running = !next && endedMs === null;
      return running ? `> ${name} ${seconds(toMs - fromMs)}` : `${name} ${seconds(toMs - fromMs)}`;
    })
    .join(', ');
}

/** What comes next, and when: the first planned fault that was not begun, else the end of the load. */
function nextStep({ plan, load, loading, faults }: LiveState, nowMs: number): string | null {
  if (!load || !loading) return null;
  const planned = plan.faults.find(({ name }) => !faults.has(name));
  const end = { what: 'the load ends', atMs: load.at + load.forMs };
  const step = planned ? { what: printable(planned.name), atMs: load.at + planned.atMs } : end;
  const inMs = step.atMs - nowMs;
  return inMs > 0 ? `${step.what} in ${seconds(inMs)}` : `${step.what}, due now`;
}

/** How far the load before has come, and how long it will take at the rate of its last second. */
function beforeWords({ before: second }: LiveState): string | null {
  if (second?.before === undefined) return null;
  const { started, of } = second.before;
  const left =
    second.acked > 0 ? `, ${seconds((Math.max(0, of - started) / second.acked) * 1_000)} left` : '';
  return `${figure(started)} of ${figure(of)} started, ${served(second, 1)}${left}; ${errors(second)}`;
}

function served({ acked, p99Ms }: Progress, pointsPerWrite: number): string {
  const slow = p99Ms === null ? '' : `, p99 ${Math.round(p99Ms)} ms`;
  return `${figure(acked)} acknowledged/s, ${figure(acked * pointsPerWrite)} points/s${slow}`;
}

function errors({ failed, unknown }: Progress): string {
  return `${figure(failed)} failed/s, ${figure(unknown)} unknown/s`;
}

function totals({ acked, failed, unknown }: LiveState['total']): string {
  return `${figure(acked)} acknowledged, ${figure(failed)} failed, ${figure(unknown)} unknown`;
}

/** A few names and a count, so that one fault on fifty pods stays one line. */
function targetWords(targets: readonly string[]): string {
  if (targets.length === 0) return 'no named target';
  const named = targets.slice(0, 4).map((target) => printable(target, 80));
  return targets.length > 4 ? `${named.join(', ')} and ${targets.length - 4} more` : named.join(', ');
}

/** Whole seconds: a countdown in milliseconds only flickers. */
function seconds(ms: number): string {
  return ms < 1_000 ? '0s' : formatDuration(ms);
}
