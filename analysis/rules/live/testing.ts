/** A Prometheus of a few series for tests: it answers what is asked of selectors, and the rest as it is told. */
import type { RuleFinding } from '../lint.ts';
import { selects } from '../matcher.ts';
import { parsePromql } from '../promql-parse.ts';
import { selectorsOf } from '../promql.ts';
import { parseRuleFile } from '../rule-file-read.ts';
import { ruleSet } from '../set.ts';
import { type Answer, keyOf, type Question } from './inquiry.ts';
import { type Judged, judgeLive } from './judge.ts';
import type { Known, LoadedRule } from './live.ts';

export interface World {
  /** As `x_total{code="200"}`. */
  series: string[];
  types?: Record<string, string[]>;
  unscraped?: string[];
  /** Absent: the rules of the file, as they stand there. */
  loaded?: LoadedRule[];
  /** By expression without white space: a number of one series, a refusal, or nobody's answer. */
  answers?: Record<string, number | string | null>;
  notes?: { warnings?: string[]; infos?: string[] };
  /** Counts of series bear the notes, too: not all of the data could be asked. */
  partial?: boolean;
}

const MAX_ROUNDS = 10;

/** Judged until no question is open. */
export function judgedIn(world: World, text: string): Judged {
  const set = ruleSet([parseRuleFile(text, 'x.yaml')], null);
  const series = world.series.map(labelsOf);
  const loaded = set.rules.map((rule): LoadedRule => ({
    group: rule.group.name,
    kind: rule.kind,
    name: rule.name,
    expr: rule.exprText,
    forMs: rule.forMs,
    keepFiringForMs: rule.keepFiringForMs,
    labels: Object.fromEntries([...rule.labels].map(([label, value]) => [label, value.text])),
    health: 'ok',
    lastError: '',
  }));
  const known: Known = {
    names: new Set(series.map(({ __name__: name = '' }) => name)),
    types: new Map(Object.entries(world.types ?? {})),
    loaded: world.loaded ?? loaded,
    unscraped: world.unscraped ?? [],
  };
  const answers = new Map<string, Answer>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const judged = judgeLive(set, known, answers);
    if (judged.open.size === 0) return judged;
    for (const question of judged.open.values())
      answers.set(keyOf(question), answerOf(question, world, series));
  }
  throw new Error('it asks without end');
}

/** `rule severity` of each finding in one alert's expression. */
export function found(world: World, expr: string): string[] {
  return findings(world, expr).map(({ rule, severity }) => `${rule} ${severity}`);
}

export function findings(world: World, expr: string): RuleFinding[] {
  return judgedIn(world, JSON.stringify({ groups: [{ name: 'g', rules: [{ alert: 'A', expr }] }] })).findings;
}

type Labels = Record<string, string>;

function answerOf(question: Question, world: World, series: readonly Labels[]): Answer {
  const bare = (text: string) => text.replaceAll(/\s/g, '');
  if (question.kind === 'format') return { kind: 'text', text: bare(question.expr) };
  if (question.kind === 'values') {
    const values = matching(question.selector, series).flatMap((labels) => labels[question.label] ?? []);
    return { kind: 'values', values: [...new Set(values)] };
  }
  const told = Object.entries(world.answers ?? {}).find(([expr]) => bare(expr) === bare(question.expr));
  if (told?.[1] === null) return { kind: 'unanswered', why: 'no answer in time' };
  if (typeof told?.[1] === 'string') return { kind: 'refused', why: told[1] };
  const samples = told === undefined ? samplesOf(question.expr, series) : [{ labels: {}, value: told[1] }];
  const { warnings = [], infos = [] } =
    question.expr.startsWith('count(') && !world.partial ? {} : (world.notes ?? {});
  return { kind: 'result', result: { samples, warnings, infos } };
}

/** Of `count(...)` and of selectors; of anything else nothing. */
function samplesOf(text: string, series: readonly Labels[]): { labels: Labels; value: number }[] {
  const expr = parsePromql(text);
  if (expr.kind === 'aggregate' && expr.op === 'count') {
    const [only, ...more] = selectorsOf(expr);
    const isPlain = ['selector', 'call'].includes(expr.of.kind) && more.length === 0;
    const seen = only === undefined || !isPlain ? [] : matching(text.slice(only.from, only.to), series);
    return seen.length === 0 ? [] : [{ labels: {}, value: seen.length }];
  }
  if (expr.kind === 'aggregate' && expr.op === 'topk' && expr.of.kind === 'selector')
    return matching(text.slice(expr.of.from, expr.of.to), series)
      .slice(0, 1)
      .map((labels) => ({ labels, value: 1 }));
  return [];
}

function matching(selector: string, series: readonly Labels[]): Labels[] {
  const [asked] = selectorsOf(parsePromql(selector));
  if (asked === undefined) throw new Error(`no selector: ${selector}`);
  return series.filter(
    (labels) =>
      (asked.name === null || labels['__name__'] === asked.name) &&
      asked.matchers.every((matcher) => selects(matcher, labels[matcher.label] ?? '') === true),
  );
}

function labelsOf(text: string): Labels {
  const [selector] = selectorsOf(parsePromql(text));
  const matchers = selector?.matchers.map(({ label, value }) => [label, value]) ?? [];
  return { __name__: selector?.name ?? '', ...(Object.fromEntries(matchers) as Labels) };
}
