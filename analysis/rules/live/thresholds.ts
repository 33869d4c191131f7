/** Thresholds beside the values that there are: out of reach, or passed at this moment. */
import type { RuleFinding } from '../lint.ts';
import { unscaled } from '../part-of-whole.ts';
import { callsOf, type Expr, type Selector, selectorsOf } from '../promql.ts';
import { type ReadRule, source, type Threshold, thresholdsOf } from '../set.ts';
import { isShare } from '../share.ts';
import { isUnseen } from './absent.ts';
import { countsFailures } from './failure.ts';
import { type Kind, type Live, liveFinding } from './live.ts';
import { HISTORY, measuredText, extremeOf, selectorText } from './query-text.ts';
import { rolesOf } from './role.ts';

const REACH: Kind = {
  rule: 'threshold-out-of-reach',
  title: 'A threshold that is never reached',
  severity: 'error',
};
const TRUE: Kind = {
  rule: 'true-now',
  title: 'An alert whose condition is true at this moment',
  severity: 'warning',
};

/** A threshold that lies further above everything there was is in another unit. */
const FAR = 1_000;

export function outOfReach(rule: ReadRule, live: Live): RuleFinding[] {
  return thresholdsOf(rule.expr)
    .filter(({ op, limit }) => op.startsWith('>') && limit > 0 && Number.isFinite(limit))
    .flatMap((threshold) => aboveBuckets(rule, threshold, live) ?? farAbove(rule, threshold, live) ?? []);
}

function farAbove(
  rule: ReadRule,
  { comparison, measured, limit }: Threshold,
  { inquiry, set }: Live,
): RuleFinding | null {
  // Buckets say how far a quantile may be expected to go; an age is small as long as all is well; so are failures, and a share of them.
  const isSmall =
    bucketsOf(unscaled(measured).of) !== null ||
    callsOf(measured, ['time', 'timestamp']).length > 0 ||
    selectorsOf(measured).some(({ name }) => name !== null && countsFailures(name)) ||
    isShare(measured, set.facts);
  if (isSmall) return null;
  const most = extremeOf(inquiry, 'max', measuredText(measured, rule.exprText));
  if (most === null || !(most > 0) || most * FAR >= limit) return null;
  const { unit } = set.facts(measured);
  return liveFinding(
    rule,
    comparison,
    { ...REACH, severity: unit === null ? 'info' : 'warning' },
    {
      why: `${source(rule, measured)} was ${short(most)} at most within ${HISTORY}, and the threshold ${short(limit)} is ${short(limit / most)} times that.`,
      fix: 'Take the threshold in the unit of the metric, or one nearer to what it is when something is wrong.',
      assuming: unit === null ? undefined : 'these hours had the usual traffic',
    },
  );
}

/** A quantile is never above the highest bound of its buckets; null: nothing is found. */
function aboveBuckets(
  rule: ReadRule,
  { comparison, measured, op, limit }: Threshold,
  { inquiry }: Live,
): RuleFinding | null {
  const { factor, of } = unscaled(measured);
  const buckets = bucketsOf(of);
  if (buckets === null) return null;
  const bounds = inquiry.values('le', selectorText(buckets.name, buckets.matchers))?.map(Number) ?? [];
  const highest = Math.max(...bounds.filter(Number.isFinite)) * factor;
  if (!Number.isFinite(highest) || (op === '>' ? limit < highest : limit <= highest)) return null;
  return liveFinding(rule, comparison, REACH, {
    why: `The highest bucket of ${buckets.name} ends at ${short(highest / factor)}, and no quantile is above that: ${source(rule, comparison)} is never true.`,
    fix: `Take a threshold below ${short(highest)}, in the unit of the buckets, or add buckets above it.`,
  });
}

function bucketsOf(expr: Expr): Selector | null {
  if (expr.kind === 'aggregate' && ['max', 'min', 'avg'].includes(expr.op)) return bucketsOf(expr.of);
  if (expr.kind !== 'call' || expr.name !== 'histogram_quantile') return null;
  const [buckets, ...others] = selectorsOf(expr);
  return buckets?.name?.endsWith('_bucket') && others.length === 0 ? buckets : null;
}

export function trueNow(rule: ReadRule, live: Live): RuleFinding[] {
  const selectors = selectorsOf(rule.expr);
  if (rule.kind !== 'alert' || selectors.length === 0) return [];
  const roles = rolesOf(rule.expr);
  // That is said of the selector already.
  if (selectors.some((one) => roles.get(one) === 'absence' && isUnseen(one, live))) return [];
  const series = live.inquiry.count(rule.exprText);
  if (series === null || series === 0) return [];
  const minutes = live.inquiry.value(`count_over_time((count(\n${rule.exprText}\n))[1h:1m])`);
  return [
    liveFinding(rule, rule.expr, TRUE, {
      why: `It is true for ${series} series now${minutes === null ? '' : `, and was at ${minutes} of the last 60 minutes`}: an alert that is true while all is well says nothing when something is wrong.`,
      fix: 'Look at these series: mend what is wrong, or the threshold, or the matchers.',
      assuming: 'nothing is wrong at this moment',
    }),
  ];
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
