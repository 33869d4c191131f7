/**
 * The HPA is able to decide at all: its target is there, its pods have what its metrics are measured against, and the metrics come (the
 * conditions AbleToScale and ScalingActive of autoscaling/v2).
 */
import { z } from 'zod';
import { history, type Judgement, seconds } from '../analysis/check.ts';
import { readTraces } from '../analysis/hpa/trace-read.ts';
import { type Blind, type HpaTrace, RECEIPT_MS, type StatusWrite } from '../analysis/hpa/trace.ts';
import type { RunView } from '../analysis/view.ts';
import { WATCH_FILE } from '../record/watch-log.ts';

export const title = 'The HPA has what it takes to scale';
export const scope = 'run';
export const restsOn = 'ledger';

export const options = z.strictObject({});

/** Metrics of new pods come within a minute (metrics-server at 15 s); without any for longer than this they do not come, ms. */
const WITHOUT_METRICS_MS = 90_000;
/** An HPA may be made before its target, ms. */
const WITHOUT_TARGET_MS = 30_000;

const EVIDENCE = [WATCH_FILE, history('gap')];
type Finding = Omit<Judgement, 'evidence'>;
type Stretch = Pick<Blind, 'fromMs' | 'toMs'>;

export function judge(view: RunView): Judgement {
  const { traces, unreadable } = readTraces(view);
  const findings = traces.map((trace) => judgeOne(trace, toNothing(view)));
  for (const text of unreadable) findings.push({ verdict: 'inconclusive', reason: `${text}.` });
  const worst =
    findings.find(({ verdict }) => verdict === 'fail') ??
    findings.find(({ verdict }) => verdict !== 'pass') ??
    findings[0];
  const none: Finding = {
    verdict: 'inconclusive',
    reason: 'no HorizontalPodAutoscaler is in the watch log.',
  };
  return { evidence: EVIDENCE, ...(worst ?? none) };
}

/** A stretch in which a condition was False for one reason. */
interface Inability {
  reason: string;
  message: string;
  fromMs: number;
  toMs: number;
  /** It lasted to the end of what was seen. */
  isOpen: boolean;
}

/** Stretches in which the run itself had set the target to no replicas at all. */
function toNothing({ faults }: RunView): Stretch[] {
  return faults.flatMap(({ planned: { fault }, intentAtMs, goneAtMs }) =>
    typeof fault === 'object' && 'scaleTo' in fault && fault.scaleTo === 0 && intentAtMs !== null
      ? [{ fromMs: intentAtMs, toMs: (goneAtMs?.[1] ?? Number.POSITIVE_INFINITY) + WITHOUT_METRICS_MS }]
      : [],
  );
}

function judgeOne(trace: HpaTrace, own: readonly Stretch[]): Finding {
  const { name, target } = trace;
  const unable = [...inabilities(trace, 'AbleToScale'), ...inabilities(trace, 'ScalingActive')].filter(
    ({ reason, fromMs, toMs }) =>
      reason !== 'ScalingDisabled' ||
      !own.some((stretch) => fromMs >= stretch.fromMs && toMs <= stretch.toMs),
  );
  for (const one of unable) {
    const why = causeOf(one, trace);
    if (why !== null)
      return {
        verdict: 'fail',
        reason: `${name} could not scale ${target.kind}/${target.name} from ${seconds(one.fromMs)} to ${seconds(one.toMs)}: ${why}.`,
        windowMs: [one.fromMs, one.toMs],
      };
  }
  const worked = trace.writes.filter(({ conditions }) => conditions.ScalingActive?.status === true).length;
  const last = unable.find(({ isOpen }) => isOpen);
  if (last)
    return {
      verdict: 'inconclusive',
      reason: `${name} was not able to scale when the record ended (${last.reason}: ${last.message}), too short a time to tell why.`,
    };
  if (worked === 0)
    return { verdict: 'inconclusive', reason: `${name}: no sync of its controller was seen.` };
  // Shorter than what it would be accused of: nothing that has to last could hide in it.
  const unseen = trace.blind.find((gap) => gap.what === 'hpa' && gap.toMs - gap.fromMs > WITHOUT_TARGET_MS);
  if (unseen)
    return {
      verdict: 'inconclusive',
      reason: `${name} was not watched from ${seconds(unseen.fromMs)} to ${seconds(unseen.toMs)} (${unseen.why}), long enough to have been without its target.`,
    };
  return {
    verdict: 'pass',
    reason: `${name} had its target and its metrics${unable.length === 0 ? '' : `, except for ${unable.map(({ reason, fromMs, toMs }) => `${seconds(toMs - fromMs)} from ${seconds(fromMs)} on (${reason})`).join(', ')}`}.`,
  };
}

/**
 * A status that did not change is not written again, so a condition lasts until the next write; but what is told at the end of a stretch that was
 * not watched may have happened at any time in it.
 */
function inabilities({ writes, toMs, blind }: HpaTrace, type: 'AbleToScale' | 'ScalingActive'): Inability[] {
  const found: Inability[] = [];
  let open: Inability | null = null;
  const falseIn = ({ conditions }: StatusWrite) =>
    conditions[type]?.status === false ? conditions[type] : null;
  for (const write of writes) {
    const condition = falseIn(write);
    const unseen = open && unwatchedIn(blind, open.toMs, write.receivedMs);
    if (open) open.toMs = unseen ? Math.max(open.toMs, unseen.fromMs) : write.receivedMs;
    if (open && (unseen || !condition || condition.reason !== open.reason)) {
      open.isOpen = false;
      open = null;
    }
    if (!condition || open) continue;
    const { reason, message = '' } = condition;
    open = { reason, message, fromMs: write.receivedMs, toMs: write.receivedMs, isOpen: true };
    found.push(open);
  }
  if (open) open.toMs = Math.max(open.toMs, unwatchedIn(blind, open.toMs, toMs)?.fromMs ?? toMs);
  return found;
}

/** The stretch without a watch that a moment ends, if it began after `fromMs`. */
function unwatchedIn(blind: readonly Blind[], fromMs: number, toMs: number): Blind | undefined {
  return blind.find(
    (gap) => gap.what === 'hpa' && gap.toMs > fromMs && gap.fromMs < toMs && gap.toMs >= toMs - RECEIPT_MS,
  );
}

/** What is missing, in words, or null when it may only not be there yet. */
function causeOf({ reason, message, fromMs, toMs }: Inability, { blind }: HpaTrace): string | null {
  const lastedMs = toMs - fromMs;
  if (reason === 'ScalingDisabled') return 'the target is set to 0 replicas, which disables scaling';
  if (/missing (pod-level )?request for/.test(message))
    return `a container has no request that its use could be measured against (${wordsIn(message)}): set it in the manifest`;
  if (reason === 'AmbiguousSelector')
    return 'another HPA selects the same pods (AmbiguousSelector), so neither scales';
  if (reason === 'FailedUpdateScale') return null;
  if (reason === 'FailedGetScale')
    return lastedMs > WITHOUT_TARGET_MS ? `its target cannot be read (${wordsIn(message)})` : null;
  if (reason.startsWith('Invalid')) return `its definition cannot be used (${reason}: ${wordsIn(message)})`;
  if (lastedMs <= WITHOUT_METRICS_MS) return null;
  const unanswered = blind.find((gap) => gap.what === 'metrics' && gap.toMs > fromMs && gap.fromMs < toMs);
  const also = unanswered ? `; the metrics API did not answer us either (${unanswered.why})` : '';
  return `for ${seconds(lastedMs)} there were no metrics (${reason}: ${wordsIn(message)}${also}): is metrics-server running?`;
}

function wordsIn(message: string): string {
  return message.replace(/^the HPA was unable to compute the replica count: /, '');
}
