/** Selectors that match nothing in this Prometheus: because of the metric's name, or because of a matcher. */
import { patternOf } from '../matcher.ts';
import type { RuleFinding } from '../lint.ts';
import { type Matcher, type Selector, selectorsOf } from '../promql.ts';
import { type ReadRule, type Said, source } from '../set.ts';
import { countsFailures, namesFailure } from './failure.ts';
import { type Kind, listed, type Live, liveFinding } from './live.ts';
import { similarNames } from './similar.ts';
import { HISTORY, seenText, selectorText } from './query-text.ts';
import { type Role, rolesOf } from './role.ts';

const METRIC: Kind = {
  rule: 'metric-absent',
  title: 'A metric that this Prometheus does not have',
  severity: 'error',
};
const MATCHER: Kind = {
  rule: 'matcher-absent',
  title: 'A matcher that no series satisfies',
  severity: 'error',
};
const UNANCHORED: Kind = {
  rule: 'matcher-anchored',
  title: 'A pattern that matches parts of values only',
  severity: 'error',
};

/** Prometheus' own, there while an alert waits or fires. */
const SYNTHETIC = ['ALERTS', 'ALERTS_FOR_STATE'];

type Judged = Said & { kind: Kind };

export function absentSelectors(rule: ReadRule, live: Live): RuleFinding[] {
  const roles = rolesOf(rule.expr);
  return selectorsOf(rule.expr).flatMap((selector) => {
    if (!isUnseen(selector, live)) return [];
    const role = roles.get(selector) ?? 'needed';
    const judged = judge(selector, { rule, live, role });
    if (judged === null) return [];
    const { kind, ...said } = judged;
    // A part that is not needed, or whose absence is asked for, does not keep the rule from working.
    const severity = role !== 'needed' && kind.severity === 'error' ? 'warning' : kind.severity;
    return [liveFinding(rule, selector, { ...kind, severity }, said)];
  });
}

/** Certainly no series in the last hours. */
export function isUnseen({ name, matchers }: Selector, { inquiry }: Live): boolean {
  if (name !== null && SYNTHETIC.includes(name)) return false;
  return inquiry.count(seenText(selectorText(name, matchers))) === 0;
}

interface Context {
  rule: ReadRule;
  live: Live;
  role: Role;
}

function judge(selector: Selector, context: Context): Judged | null {
  const { live } = context;
  const { name, matchers } = selector;
  if (name === null) return combination(selector, context);
  const there = live.inquiry.count(seenText(selectorText(name, [])));
  if (there === null) return null;
  if (there === 0) return absentMetric(name, context);
  for (const matcher of matchers) {
    const satisfied = live.inquiry.count(seenText(selectorText(name, [matcher])));
    if (satisfied === null) return null;
    if (satisfied > 0) continue;
    const values = live.inquiry.values(matcher.label, selectorText(name, []));
    return values && absentValue(name, { matcher, values }, context);
  }
  return combination(selector, context);
}

function effect(role: Role, { kind }: ReadRule): string {
  if (role === 'absence')
    return kind === 'alert' ? 'the alert fires all the time' : 'this is there all the time';
  if (role === 'optional') return 'this part never has a result';
  return kind === 'alert' ? 'the alert can never fire' : 'nothing is recorded';
}

function absentMetric(name: string, { rule, live, role }: Context): Judged {
  const { names, types, loaded, unscraped } = live.known;
  const why = `No series has been called ${name} within ${HISTORY}, so ${effect(role, rule)}.`;
  const info = (more: string, fix: string): Judged => ({
    kind: { ...METRIC, severity: 'info' },
    why: `${why} ${more}`,
    fix,
  });
  const recorder = live.set.rules.find((one) => one.kind === 'record' && one.name === name);
  if (recorder !== undefined)
    return info(
      `${recorder.file}:${recorder.place.line} records it, and ${loaded.some((one) => one.kind === 'record' && one.name === name) ? 'yields nothing yet' : 'is not loaded there'}.`,
      'Load both together.',
    );
  if (types.has(name))
    return info(
      'Its targets declare it and have no series of it yet: it comes with the first event.',
      'Let the client create the series at 0, so that a first event is a step.',
    );
  const used = new Set(
    live.set.rules.flatMap(({ expr }) => selectorsOf(expr).flatMap((one) => one.name ?? [])),
  );
  const near = similarNames(name, names, used);
  const fix =
    near.length > 0
      ? `Nearest names there: ${near.join(', ')}.`
      : 'Scrape what exports it, or correct the name; no name there is like it.';
  const lazy = countsFailures(name);
  // One that counts failures, too, and that no rule names: the same under another name, perhaps.
  if (lazy && !near.some((one) => countsFailures(one) && !used.has(one)))
    return info('It counts failures: many clients create such a series with the first one.', fix);
  return {
    kind: METRIC,
    why,
    fix,
    assuming: lazy
      ? 'its client does not create it with the first failure only'
      : unscraped.length > 0
        ? `none of the targets that are not scraped now exports it (${listed(unscraped)})`
        : undefined,
  };
}

interface Unsatisfied {
  matcher: Matcher;
  values: readonly string[];
}

function absentValue(name: string, { matcher, values }: Unsatisfied, { rule, role }: Context): Judged {
  const { label, op, value } = matcher;
  const text = `${label}${op}${JSON.stringify(value)}`;
  const end = effect(role, rule);
  if (values.length === 0)
    return {
      kind: MATCHER,
      why: `${name} is there, and none of its series has a label ${label}: with ${text} ${end}.`,
      fix: `Leave ${text} out, or take a label that ${name} has.`,
    };
  const shown = listed(values.map((one) => JSON.stringify(one)));
  const why = `${name} is there, with ${label} ${shown}; ${text} matches none of them, so ${end}.`;
  if (op === '!=' || op === '!~')
    return {
      kind: { ...MATCHER, severity: 'info' },
      why,
      fix: `Nothing to do if other values of ${label} can still come.`,
    };
  const within = op === '=~' ? patternOf(`.*(${value}).*`) : null;
  const partly = within instanceof RegExp ? values.filter((one) => within.test(one)) : [];
  if (partly.length > 0)
    return {
      kind: UNANCHORED,
      why: `${why} A pattern has to match the whole value; parts of ${listed(partly)} it does match.`,
      fix: `${label}=~${JSON.stringify(`.*${value}.*`)}, or the whole value.`,
    };
  const alike = values.filter((one) => one.toLowerCase() === value.toLowerCase());
  const near = alike.length > 0 ? alike : similarNames(value, values);
  const fix =
    near.length > 0 ? `Nearest values there: ${near.join(', ')}.` : `Values of ${label} there: ${shown}.`;
  if (alike.length === 0 && namesFailure(matcher))
    return {
      kind: { ...MATCHER, severity: 'info' },
      why: `${why} It names failures, and there has been none: many clients create such a series with the first one.`,
      fix: 'Let the client create it at 0; or have one failure, and look again.',
    };
  return {
    kind: MATCHER,
    why,
    fix,
    assuming:
      near.length > 0 ? undefined : `${JSON.stringify(value)} is no value that comes with a rare event`,
  };
}

function combination(selector: Selector, { rule, role }: Context): Judged {
  return {
    kind: MATCHER,
    why: `No series has matched ${source(rule, selector)} within ${HISTORY}, so ${effect(role, rule)}; each matcher by itself matches some.`,
    fix: 'Ask for the name alone, and look which labels stand together.',
    assuming: 'no such series comes with a rare event',
  };
}
