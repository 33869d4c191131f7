/** What a Prometheus says once, whatever is asked, and what all findings from its answers are made of. */
import type { Severity } from '../finding.ts';
import type { RuleFinding } from '../lint.ts';
import type { RuleEntry } from '../rule-file.ts';
import { findingAt, type RuleSet, type Said } from '../set.ts';
import type { Inquiry } from './inquiry.ts';

/** A rule as that Prometheus has it. */
export interface LoadedRule {
  group: string;
  kind: 'alert' | 'record';
  name: string;
  expr: string;
  forMs: number;
  keepFiringForMs: number;
  labels: Readonly<Record<string, string>>;
  health: string;
  lastError: string;
}

export interface Known {
  /** Of all metrics there were in the last hours. */
  names: ReadonlySet<string>;
  /** By metric, what its targets call it; more than one where they disagree. */
  types: ReadonlyMap<string, readonly string[]>;
  loaded: readonly LoadedRule[];
  /** Targets that are down, or not scraped yet: what they export may be missing. */
  unscraped: readonly string[];
}

export interface Live {
  known: Known;
  set: RuleSet;
  inquiry: Inquiry;
}

export interface Kind {
  rule: string;
  title: string;
  severity: Severity;
}

/** A finding at a part of a rule's expression. With an assumption it is a warning at most, as everywhere in this lint. */
export function liveFinding(
  rule: RuleEntry,
  part: { from: number },
  { severity, ...kind }: Kind,
  said: Said,
): RuleFinding {
  const { file, place, object, why, fix, assuming } = findingAt(rule, part, said);
  return {
    ...kind,
    severity: assuming !== undefined && severity === 'error' ? 'warning' : severity,
    file,
    ...place,
    object,
    why: assuming === undefined ? why : `${why} Assumed: ${assuming}.`,
    fix,
  };
}

/** `a, b and 3 more` */
export function listed(all: readonly string[], shown = 5): string {
  const rest = all.length - shown;
  return rest > 0 ? `${all.slice(0, shown).join(', ')} and ${rest} more` : all.join(', ');
}
