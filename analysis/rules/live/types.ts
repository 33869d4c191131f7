/** Functions for the wrong kind of metric, by what its targets call it (https://prometheus.io/docs/concepts/metric_types/). */
import type { RuleFinding } from '../lint.ts';
import { type Aggregate, type Expr, type Selector, selectorsOf, walk } from '../promql.ts';
import { constantOf } from '../constant.ts';
import { decisive, type ReadRule, type Said, source, thresholdOf } from '../set.ts';
import { type Kind, type Live, liveFinding } from './live.ts';

/** The same ids as for what the names say: it is the same mistake, known from a better source. */
const GAUGE: Kind = { rule: 'rate-of-gauge', title: 'rate() of a gauge', severity: 'warning' };
const COUNTER: Kind = {
  rule: 'counter-threshold',
  title: 'A counter compared without rate() or increase(): it fires once and never resolves',
  severity: 'warning',
};
const DELTA: Kind = {
  rule: 'delta-of-counter',
  title: 'delta(), deriv() or predict_linear() of a counter',
  severity: 'warning',
};
const BUCKET: Kind = {
  rule: 'histogram-no-bucket',
  title: 'histogram_quantile() of something that is no bucket',
  severity: 'error',
};

export function wrongTypes(rule: ReadRule, live: Live): RuleFinding[] {
  const found = walk(rule.expr).flatMap((part) => {
    const said = part.kind === 'call' ? callOf(part, rule, live) : null;
    return said === null ? [] : [liveFinding(rule, part, said.kind, said)];
  });
  return [...found, ...(rule.kind === 'alert' ? rawCounters(rule, live) : [])];
}

/** Null: its targets do not say, or disagree. */
export function typeOfMetric(name: string | null, { known }: Live): string | null {
  if (name === null) return null;
  // OpenMetrics declares a counter without its ending, and a histogram without those of its parts.
  const own = known.types.get(name) ?? known.types.get(name.replace(/_total$/, ''));
  if (own !== undefined) return own.length === 1 ? (own[0] ?? null) : null;
  const whole = known.types.get(name.replace(/_(bucket|count|sum)$/, ''));
  return whole?.length === 1 && (whole[0] === 'histogram' || whole[0] === 'summary') ? 'counter' : null;
}

function callOf(
  { name, args }: { name: string; args: Expr[] },
  rule: ReadRule,
  live: Live,
): (Said & { kind: Kind }) | null {
  if (name === 'histogram_quantile') return quantileOf(args[1], rule, live);
  const [range] = args;
  if (range?.kind !== 'range') return null;
  const metric = range.of.name;
  const type = typeOfMetric(metric, live);
  const text = source(rule, range);
  if (['rate', 'irate', 'increase'].includes(name) && type === 'gauge')
    return {
      kind: GAUGE,
      why: `${metric} is a gauge by its TYPE: ${name}() takes every fall of it for a restart and adds the whole value again.`,
      fix: `${name === 'increase' ? 'delta' : 'deriv'}(${text}) follows a gauge both ways; if it is a counter, export it as one.`,
    };
  if (['delta', 'idelta', 'deriv', 'predict_linear'].includes(name) && type === 'counter')
    return {
      kind: DELTA,
      why: `${metric} is a counter by its TYPE, and ${name}() does not know that it starts again from 0 with its process.`,
      fix:
        name === 'predict_linear'
          ? 'Predict from a gauge.'
          : `${name === 'deriv' ? 'rate' : 'increase'}(${text}) does.`,
    };
  return null;
}

function quantileOf(of: Expr | undefined, rule: ReadRule, live: Live): (Said & { kind: Kind }) | null {
  for (const selector of of === undefined ? [] : selectorsOf(of)) {
    const type = live.known.types.get(selector.name ?? '');
    if (type?.length !== 1 || !['gauge', 'counter', 'summary'].includes(type[0] ?? '')) continue;
    return {
      kind: BUCKET,
      why: `${selector.name} is a ${type[0]} by its TYPE and has no buckets, so there is never a quantile and ${rule.name} has no result.`,
      fix:
        type[0] === 'summary'
          ? `Its client works quantiles out itself: ${selector.name}{quantile="0.99"}.`
          : 'Take the _bucket of a histogram.',
    };
  }
  return null;
}

function rawCounters(rule: ReadRule, live: Live): RuleFinding[] {
  const parts = decisive(rule.expr).flatMap((part) => thresholdOf(part) ?? []);
  const bad = parts.flatMap(({ comparison, measured, op, limit }) => {
    const counter = op === '>' || op === '>=' ? rawOf(measured) : null;
    return counter !== null && typeOfMetric(counter.name, live) === 'counter'
      ? [{ comparison, counter, op, limit }]
      : [];
  });
  // Beside a condition that ends, the counter's own does no harm.
  if (bad.length < parts.length) return [];
  return bad.map(({ comparison, counter, op, limit }) =>
    liveFinding(rule, comparison, COUNTER, {
      why: `${counter.name} is a counter by its TYPE: once above ${limit}, the alert stays until its process restarts.`,
      fix: `Ask how much it rose: increase(${source(rule, counter)}[5m]) ${op} ...`,
    }),
  );
}

/** The selector whose own value is compared, through sums and scales; null: it is another value. */
function rawOf(expr: Expr): Selector | null {
  if (expr.kind === 'selector') return expr.shift === '' ? expr : null;
  if (expr.kind === 'aggregate') return isScale(expr) ? rawOf(expr.of) : null;
  if (expr.kind === 'binary' && (expr.op === '*' || expr.op === '/') && constantOf(expr.right) !== null)
    return rawOf(expr.left);
  return null;
}

function isScale({ op }: Aggregate): boolean {
  return ['sum', 'min', 'max', 'avg'].includes(op);
}
