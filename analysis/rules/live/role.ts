/** What becomes of a rule when one of its selectors has no series. */
import { type Expr, parts, type Selector } from '../promql.ts';

/**
 * needed: then the rule has no result. absence: `absent()` asks for just that. optional: a branch of `or`, or what `unless` takes away, has none.
 */
export type Role = 'needed' | 'absence' | 'optional';

export function rolesOf(expr: Expr): Map<Selector, Role> {
  const roles = new Map<Selector, Role>();
  const visit = (part: Expr, role: Role): void => {
    if (part.kind === 'selector') roles.set(part, role);
    else if (part.kind === 'binary' && part.op === 'or')
      for (const side of parts(part)) visit(side, 'optional');
    else if (part.kind === 'binary' && part.op === 'unless') {
      visit(part.left, role);
      visit(part.right, 'optional');
    } else {
      const asks = part.kind === 'call' && /^absent(_over_time)?$/.test(part.name);
      for (const inner of parts(part)) visit(inner, asks && role === 'needed' ? 'absence' : role);
    }
  };
  visit(expr, 'needed');
  return roles;
}
