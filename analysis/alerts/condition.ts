/** From an alert's expression to the kind of condition that its times can be computed for, or the reason why they cannot. */
import { constantOf } from '../rules/constant.ts';
import {
  type Aggregate,
  callsOf,
  type Expr,
  isSetOperation,
  parts,
  selectorsOf,
  walk,
} from '../rules/promql.ts';
import { isPart, unscaled } from '../rules/part-of-whole.ts';
import { thresholdOf } from '../rules/set.ts';
import type { Condition } from './timing.ts';

/** Of one system under test all series have the same. */
const SYSTEM_LABELS = ['namespace', 'job', 'app'];
/** A series is marked stale up to this many scrapes after its target was taken from service discovery. */
const STALE_SCRAPES = 3;

export interface TimedCondition {
  condition: Condition;
  /** What the threshold is a share of: the requests, or time (events a second). Null: the load has no part in it. */
  of: 'requests' | 'seconds' | null;
  /** Over the time of a scrape and an evaluation, for `absent`: until series that have no target any longer are gone. */
  staleMs: number;
}
type Answer = TimedCondition | { condition: null; why: string };

/**
 * Understood: a share of two rates over one window, a rate or an increase alone, `histogram_quantile` of a rate, a gauge, `up` and `absent(x)`,
 * each against a number, and summed up to one series where the load has a part in it: the ledger does not know which pod a request went to.
 */
export function conditionOf(
  expr: Expr,
  scrape: { scrapeIntervalMs: number; scrapeTimeoutMs: number },
): Answer {
  if (isSetOperation(expr)) return unknown(`"${expr.op}" puts two conditions together`);
  const threshold = thresholdOf(expr);
  const measured = threshold?.measured ?? expr;
  if (measured.kind === 'call' && measured.name === 'absent')
    return plain({ kind: 'gauge' }, STALE_SCRAPES * scrape.scrapeIntervalMs);
  if (threshold === null || threshold.comparison.bool)
    return unknown('it is not compared with a number, so it is not known what turns it');
  const { op, limit } = threshold;
  const recorded = selectorsOf(measured).find(({ name }) => name === null || name.includes(':'));
  if (recorded !== undefined)
    return unknown(`${recorded.name ?? 'a selector without a name'} is computed by another rule`);
  if (
    walk(measured).some((part) => (part.kind === 'selector' || part.kind === 'subquery') && part.shift !== '')
  )
    return unknown('it looks at another time than now');
  if (!walk(measured).some(({ kind }) => kind === 'range' || kind === 'subquery'))
    return instant(measured, scrape);
  if (measured.kind === 'call' && measured.name === 'histogram_quantile')
    return op.startsWith('>') ? quantileOf(measured.args) : unknown(`a quantile "${op}" a number`);
  const { factor, of } = unscaled(measured);
  if (of.kind === 'binary' && of.op === '/') return ratioOf(of.left, of.right, op, limit / factor);
  const counted = countedOf(of);
  if ('why' in counted) return unknown(counted.why);
  if (!op.startsWith('>')) return unknown(`a rate "${op}" a number`);
  const perS = limit / factor / (counted.name === 'increase' ? counted.windowMs / 1_000 : 1);
  return {
    condition: { kind: 'ratio', windowMs: counted.windowMs, threshold: perS },
    of: 'seconds',
    staleMs: 0,
  };
}

/** How far back an expression looks, milliseconds; Infinity: nobody knows, for a window is computed or all of it is shifted. */
export function lookBackMs(expr: Expr): number {
  const isShifted = (expr.kind === 'selector' || expr.kind === 'subquery') && expr.shift !== '';
  const ownMs = expr.kind === 'range' || expr.kind === 'subquery' ? (expr.windowMs ?? Infinity) : 0;
  return isShifted ? Infinity : ownMs + Math.max(0, ...parts(expr).map(lookBackMs));
}

function unknown(why: string): Answer {
  return { condition: null, why };
}

function plain(condition: Condition, staleMs = 0): Answer {
  return { condition, of: null, staleMs };
}

/** The newest samples only. */
function instant(measured: Expr, { scrapeTimeoutMs }: { scrapeTimeoutMs: number }): Answer {
  const strange = walk(measured).find(
    ({ kind }) => !['selector', 'aggregate', 'binary', 'unary', 'number'].includes(kind),
  );
  if (strange !== undefined)
    return unknown(`a ${strange.kind === 'call' ? `${strange.name}()` : strange.kind} in it`);
  const isTarget = selectorsOf(measured).every(({ name }) => name === 'up');
  return plain(isTarget ? { kind: 'target-down', scrapeTimeoutMs } : { kind: 'gauge' });
}

function quantileOf([quantile, of]: readonly Expr[]): Answer {
  const q = quantile === undefined ? null : constantOf(quantile);
  if (q === null || of === undefined || !(q > 0 && q < 1))
    return unknown('its quantile is computed, or none');
  const counted = countedOf(of, ['le']);
  if ('why' in counted) return unknown(counted.why);
  return {
    condition: { kind: 'quantile', windowMs: counted.windowMs, quantile: q },
    of: 'requests',
    staleMs: 0,
  };
}

function ratioOf(part: Expr, whole: Expr, op: string, limit: number): Answer {
  const [counted, all] = [countedOf(part), countedOf(whole)];
  if ('why' in counted) return unknown(counted.why);
  if ('why' in all) return unknown(all.why);
  const { windowMs } = counted;
  if (windowMs !== all.windowMs) return unknown('its two windows differ');
  if (op.startsWith('>'))
    return { condition: { kind: 'ratio', windowMs, threshold: limit }, of: 'requests', staleMs: 0 };
  // A share of what is good falls below a limit when that of the rest passes the remainder.
  if (op.startsWith('<') && isPart(part, whole))
    return { condition: { kind: 'ratio', windowMs, threshold: 1 - limit }, of: 'requests', staleMs: 0 };
  return unknown(`a quotient "${op}" a number`);
}

/** A sum of rates or increases: one series for all of the system. */
function countedOf(
  expr: Expr,
  alsoBy: readonly string[] = [],
): { name: string; windowMs: number } | { why: string } {
  if (walk(expr).some(({ kind }) => kind === 'subquery')) return { why: 'it looks back through a subquery' };
  const [call, ...more] = callsOf(expr, ['rate', 'increase']);
  const [range] = call?.args ?? [];
  if (call === undefined || more.length > 0 || range?.kind !== 'range')
    return { why: 'it counts something else than one rate or increase of a metric' };
  if (range.windowMs === null) return { why: 'its window is computed' };
  if (expr.kind !== 'aggregate' || expr.op !== 'sum' || expr.of !== call)
    return { why: 'it has a value for each series, and the ledger tells only their sum' };
  const apart = labelsApart(expr, range.of.matchers, alsoBy);
  return apart === null
    ? { name: call.name, windowMs: range.windowMs }
    : { why: `it has a value for each ${apart}, and the ledger tells only their sum` };
}

/** Labels that may part the sum; null: there is one series. */
function labelsApart(
  { grouping }: Aggregate,
  matchers: readonly { label: string; op: string }[],
  alsoBy: readonly string[],
): string | null {
  if (grouping === null) return null;
  if (!grouping.by) return `combination of labels other than ${grouping.labels.join(', ')}`;
  const isOne = (label: string) =>
    [...SYSTEM_LABELS, ...alsoBy].includes(label) ||
    matchers.some((matcher) => matcher.label === label && matcher.op === '=');
  const apart = grouping.labels.filter((label) => !isOne(label));
  return apart.length === 0 ? null : apart.join(', ');
}
