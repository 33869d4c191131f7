import type { Finding } from '../finding.ts';
import { callsOf, type Expr, selectorsOf } from '../promql.ts';
import { inEveryPart, type RuleSet, source, thresholdsOf } from '../set.ts';
import { same } from '../part-of-whole.ts';
import { constantOf } from '../constant.ts';

export const title = 'A division by zero, which is above every threshold';
export const severity = 'warning';

const ENDS = /(^|_)(errors?|failed|failures?|bounces?|timeouts?|aborted|cancelled)(_|$)/;
/** What happens before, at another moment: it may be over while the failures still come. */
const BEGINNINGS =
  /(^|_)(starts?|started|created|opened|accepted|submitted|enqueued|scheduled|launched|begun)(_|$)/;
/** Zero stands for "no limit" (cAdvisor). */
const ZERO_MEANS_NONE = /^container_spec_(memory_limit_bytes|memory_swap_limit_bytes|cpu_quota)$/;

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    if (part.kind !== 'binary' || part.op !== '/') return null;
    const { left, right } = part;
    const guarded =
      facts(right).values.lo > 0 ||
      thresholdsOf(rule.expr).some(
        ({ measured, op, limit }) => same(measured, right) && op.startsWith('>') && limit >= 0,
      );
    if (guarded) return null;
    const zero = whenZero(left, right);
    return (
      zero && {
        why: `${source(rule, right)} is 0 ${zero.when}, and x/0 is +Inf: above every threshold, for any x.`,
        fix: `Divide only where there is something: .../ (${source(rule, right)} > 0).`,
        assuming: zero.assuming,
      }
    );
  });
}

function whenZero(left: Expr, right: Expr): { when: string; assuming?: string } | null {
  if (constantOf(right) === 0) return { when: 'always' };
  const [whole] = selectorsOf(right);
  const name = whole?.name ?? '';
  if (ZERO_MEANS_NONE.test(name))
    return { when: 'where no limit is set', assuming: 'some container has no limit' };
  const some = selectorsOf(left)[0]?.name ?? '';
  const rates = [left, right].every((side) => callsOf(side, ['rate', 'increase', 'irate']).length > 0);
  if (!rates || some === name || !ENDS.test(some) || !BEGINNINGS.test(name)) return null;
  return {
    when: 'while nothing begins, which is no trouble by itself',
    assuming: `what ${some} counts may come after the last of ${name}`,
  };
}
