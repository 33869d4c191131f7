/** All rules that are judged together, and what the rules of the lint ask of them. */
import { type Facts, inference } from './facts.ts';
import type { Finding } from './finding.ts';
import { type Binary, type Expr, isComparison, isSetOperation, walk } from './promql.ts';
import type { Problem, RuleEntry, RuleFile } from './rule-file.ts';
import { flipped } from './interval.ts';
import { constantOf } from './constant.ts';

/** A rule whose expression was understood. */
export type ReadRule = RuleEntry & { expr: Expr };

export interface RuleSet {
  files: readonly RuleFile[];
  rules: readonly ReadRule[];
  alerts: readonly ReadRule[];
  facts: (expr: Expr) => Facts;
  /** How often targets are scraped; null: not known, no rule file says it. */
  scrapeIntervalMs: number | null;
}

export function ruleSet(files: readonly RuleFile[], scrapeIntervalMs: number | null): RuleSet {
  const rules = files
    .flatMap(({ groups }) => groups.flatMap((group) => group.rules))
    .filter((rule): rule is ReadRule => rule.expr !== null);
  const byName = new Map<string, ReadRule[]>();
  for (const rule of rules)
    if (rule.kind === 'record') byName.set(rule.name, [...(byName.get(rule.name) ?? []), rule]);
  const facts = inference((name) => {
    const [rule, ...more] = byName.get(name) ?? [];
    if (rule === undefined || more.length > 0) return null;
    return { expr: rule.expr, labels: [...rule.labels.keys(), ...rule.group.labels.keys()] };
  });
  return { files, rules, alerts: rules.filter(({ kind }) => kind === 'alert'), facts, scrapeIntervalMs };
}

export interface Said {
  why: string;
  fix: string;
  assuming?: string | undefined;
}

export function findingAt(rule: RuleEntry, { from }: { from: number }, said: Said): Finding {
  return { file: rule.file, place: rule.placeOf(from), object: `${rule.kind} ${rule.name}`, ...said };
}

export function problemFinding(file: string, { place, object, why, fix }: Problem): Finding {
  return { file, place, object, why, fix };
}

/** What is said of each part of each expression; null: nothing. */
export function inEveryPart(
  rules: readonly ReadRule[],
  judge: (part: Expr, rule: ReadRule) => Said | null,
): Finding[] {
  return rules.flatMap((rule) =>
    walk(rule.expr).flatMap((part) => {
      const said = judge(part, rule);
      return said === null ? [] : [findingAt(rule, part, said)];
    }),
  );
}

export interface Threshold {
  comparison: Binary;
  /** The side that is measured. */
  measured: Expr;
  op: string;
  limit: number;
}

/** A comparison with a number, the number on the right; null for anything else. */
export function thresholdOf(expr: Expr): Threshold | null {
  if (!isComparison(expr)) return null;
  const right = constantOf(expr.right);
  if (right !== null) return { comparison: expr, measured: expr.left, op: expr.op, limit: right };
  const left = constantOf(expr.left);
  return left === null ? null : { comparison: expr, measured: expr.right, op: flipped(expr.op), limit: left };
}

export function thresholdsOf(expr: Expr): Threshold[] {
  return walk(expr).flatMap((part) => thresholdOf(part) ?? []);
}

/** The comparisons that decide on the alert by themselves: at the top, and what and, or, unless put together. */
export function decisive(expr: Expr): Expr[] {
  if (!isSetOperation(expr)) return [expr];
  return expr.op === 'unless' ? decisive(expr.left) : [...decisive(expr.left), ...decisive(expr.right)];
}

/** The text of a part, on one line. */
export function source({ exprText }: RuleEntry, { from, to }: { from: number; to: number }): string {
  return exprText.slice(from, to).replaceAll(/\s+/g, ' ');
}
