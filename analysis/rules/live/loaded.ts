/** Rules beside those that this Prometheus has loaded. */
import { parsePromql } from '../promql-parse.ts';
import { same } from '../part-of-whole.ts';
import type { RuleFinding } from '../lint.ts';
import type { ReadRule } from '../set.ts';
import { type Kind, type Live, type LoadedRule, liveFinding } from './live.ts';

const MISSING: Kind = {
  rule: 'rule-not-loaded',
  title: 'A rule that this Prometheus has not loaded',
  severity: 'warning',
};
const OTHER: Kind = {
  rule: 'rule-differs',
  title: 'A rule that is loaded with another text',
  severity: 'warning',
};
const UNHEALTHY: Kind = { rule: 'rule-unhealthy', title: 'A rule whose evaluation fails', severity: 'error' };

export function loadedState(rule: ReadRule, live: Live): RuleFinding[] {
  const { loaded } = live.known;
  const mine = loaded.filter((one) => isOf(one, rule));
  if (mine.length === 0) {
    // Before a roll-out none is loaded, and that is no finding; where others of its group are, it was forgotten.
    const others = live.set.rules.filter(
      (one) => one.group === rule.group && loaded.some((two) => isOf(two, one)),
    );
    return [
      liveFinding(
        rule,
        rule.expr,
        { ...MISSING, severity: others.length > 0 ? 'warning' : 'info' },
        {
          why:
            others.length > 0
              ? `Of its group ${rule.group.name}, ${others.length} rules are loaded and this one is not: nobody evaluates it.`
              : `Nothing of its group ${rule.group.name} is loaded: what is said here is of its text and the data, not of its life.`,
          fix: 'Load the file as it is here, and see that the reload succeeded (prometheus_config_last_reload_successful).',
        },
      ),
    ];
  }
  const differences = mine.map((one) => differenceOf(one, rule, live));
  if (differences.includes(null)) return [];
  const equal = differences.indexOf('');
  if (equal === -1)
    return [
      liveFinding(rule, rule.expr, OTHER, {
        why: `${differences[0]}. What is said here is of the text in the file, and another one is evaluated.`,
        fix: 'Load the file as it is here, and see that the reload succeeded (prometheus_config_last_reload_successful).',
      }),
    ];
  const one = mine[equal];
  if (one?.health !== 'err') return [];
  return [
    liveFinding(rule, rule.expr, UNHEALTHY, {
      why: `Its last evaluation failed: ${one.lastError}. As long as it does, it neither fires nor resolves.`,
      fix: 'Mend what the error names; see also query-fails.',
    }),
  ];
}

function isOf(loaded: LoadedRule, { kind, name }: ReadRule): boolean {
  return loaded.kind === kind && loaded.name === name;
}

/** In words; '' for none, null where it is not known. */
function differenceOf(loaded: LoadedRule, rule: ReadRule, { inquiry }: Live): string | null {
  if (!isSameExpr(loaded.expr, rule)) {
    const [theirs, ours] = [inquiry.format(loaded.expr), inquiry.format(rule.exprText)];
    if (theirs === null || ours === null) return null;
    if (theirs !== ours) return `Loaded is ${loaded.expr.replaceAll(/\s+/g, ' ')}`;
  }
  if (loaded.forMs !== rule.forMs) return `Loaded is for: ${loaded.forMs / 1_000}s`;
  if (loaded.keepFiringForMs !== rule.keepFiringForMs)
    return `Loaded is keep_firing_for: ${loaded.keepFiringForMs / 1_000}s`;
  const labels = new Map([...rule.group.labels, ...rule.labels].map(([label, { text }]) => [label, text]));
  const other = [...new Set([...labels.keys(), ...Object.keys(loaded.labels)])].find(
    (label) => labels.get(label) !== loaded.labels[label],
  );
  return other === undefined ? '' : `Loaded is the label ${other}: ${loaded.labels[other] ?? '(none)'}`;
}

function isSameExpr(text: string, { expr }: ReadRule): boolean {
  try {
    return same(parsePromql(text), expr);
  } catch {
    return false;
  }
}
