/**
 * A copy of a rule file in which time runs faster: every duration divided by one factor, in its place, and nothing else touched. What such a
 * copy shows in a live run is that series, labels and thresholds meet; it is never a statement about the original's own times.
 */
import { isPair, isScalar, type Pair, visit } from 'yaml';
import { formatDuration } from '../../record/duration.ts';
import { UsageError } from '../../record/model.ts';
import { parsePromDurationMs } from '../rules/duration.ts';
import { PromqlError } from '../rules/promql-parse.ts';
import type { RuleEntry, RuleFile } from '../rules/rule-file.ts';
import { parseRuleFile } from '../rules/rule-file-read.ts';
import { type YamlText, parseRuleYaml } from '../rules/yaml-places.ts';
import { type DurationPlace, durationsIn } from './promql-durations.ts';
import { changedLines } from './unified-diff.ts';

/** Windows and intervals shorter than this hold no scrapes: Prometheus is asked to scrape every second at most. */
const LEAST_WINDOW_MS = 1_000;
/** Of what only waits or shifts, so that rounding to milliseconds changes no ratio by more than half a per cent. */
const LEAST_WAIT_MS = 100;

/** Fields of groups and rules that are durations, and the least each may become. */
const FIELDS: Readonly<Record<string, number>> = {
  interval: LEAST_WINDOW_MS,
  query_offset: LEAST_WAIT_MS,
  for: LEAST_WAIT_MS,
  keep_firing_for: LEAST_WAIT_MS,
};
/** Their keys are names that people choose. */
const FREE_MAPS = ['labels', 'annotations', 'metadata'];

/** A duration in the file's text. */
interface Place {
  from: number;
  to: number;
  ms: number;
  leastMs: number;
  what: string;
}

/**
 * Group intervals, offsets, `for`, `keep_firing_for` and the ranges, subqueries and offsets of every expression, divided by `factor` (above 1
 * they become shorter). `file` is its name for people. `diff` is a unified diff.
 * @throws UsageError with file, line and column: what Prometheus would refuse, and a duration that would become too short, with the largest
 *   factor that the file allows
 */
export function compressRules(
  text: string,
  factor: number,
  file = 'rules.yaml',
): { text: string; diff: string } {
  if (!(factor > 0 && Number.isFinite(factor)))
    throw new UsageError(`${file}: ${factor} is no factor; give a number above 1`);
  const rules = loadable(text, file);
  const yaml = parseRuleYaml(text, file);
  const places = [...fieldPlaces(yaml), ...expressionPlaces(rules, yaml)].sort((a, b) => a.from - b.from);
  refuseTooShort(places, factor, yaml);
  let compressed = '';
  let upTo = 0;
  for (const { from, to, ms } of places) {
    compressed += text.slice(upTo, from) + durationText(Math.round(ms / factor));
    upTo = to;
  }
  compressed += text.slice(upTo);
  proveEqual(rules, parseRuleFile(compressed, file), factor);
  return {
    text: compressed,
    diff: changedLines([file, text], [`${file}, time divided by ${factor}`, compressed]),
  };
}

function loadable(text: string, file: string): RuleFile {
  const rules = parseRuleFile(text, file);
  const [problem] = [...rules.problems, ...rules.unreadable];
  if (problem === undefined) return rules;
  const { place, object, why, fix } = problem;
  throw new UsageError(`${file}:${place.line}:${place.column}: ${object}: ${why} ${fix}`);
}

function durationText(ms: number): string {
  return ms % 1_000 === 0 && ms > 0 ? formatDuration(ms) : `${ms}ms`;
}

function fieldPlaces({ documents, text }: YamlText): Place[] {
  const places: Place[] = [];
  for (const document of documents)
    visit(document, {
      Pair: (_, pair) => {
        const key = keyOf(pair);
        if (FREE_MAPS.includes(key)) return visit.SKIP;
        const leastMs = FIELDS[key];
        const { value } = pair;
        if (leastMs === undefined || !isScalar(value) || !value.range) return undefined;
        const [start, end] = value.range;
        const isQuoted = text[start] === '"' || text[start] === "'";
        const [from, to] = isQuoted ? [start + 1, end - 1] : [start, end];
        // Not one, or not written as it stands: whether that matters is found out by comparing the copy.
        const ms = parsePromDurationMs(text.slice(from, to));
        if (ms !== null && ms > 0) places.push({ from, to, ms, leastMs, what: key });
        return undefined;
      },
    });
  return places;
}

function keyOf(pair: Pair): string {
  return isPair(pair) && isScalar(pair.key) ? String(pair.key.value) : '';
}

/** An expression that two rules share through an anchor is one text. */
function expressionPlaces({ file, groups }: RuleFile, yaml: YamlText): Place[] {
  const lineStarts = [0, ...Array.from(yaml.text.matchAll(/\n/g), ({ index }) => index + 1)];
  const places = new Map<number, Place>();
  for (const rule of groups.flatMap(({ rules }) => rules))
    for (const found of durationsOf(rule)) {
      const literal = rule.exprText.slice(found.from, found.to);
      const { line, column } = rule.placeOf(found.from);
      const from = (lineStarts[line - 1] ?? 0) + column - 1;
      const to = from + literal.length;
      if (yaml.text.slice(from, to) !== literal)
        throw new UsageError(
          `${file}:${line}:${column}: ${rule.kind} ${rule.name}: ${literal} is written with escapes; write the expression without them`,
        );
      const isWindow = found.kind === 'window';
      const leastMs = isWindow ? LEAST_WINDOW_MS : LEAST_WAIT_MS;
      const what = isWindow ? `the window [${literal}]` : `offset ${literal}`;
      if (found.ms > 0) places.set(from, { from, to, ms: found.ms, leastMs, what });
    }
  return [...places.values()];
}

function durationsOf({ exprText, placeOf, file, kind, name }: RuleEntry): DurationPlace[] {
  try {
    return durationsIn(exprText);
  } catch (error) {
    if (!(error instanceof PromqlError)) throw error;
    const { line, column } = placeOf(error.offset);
    throw new UsageError(
      `${file}:${line}:${column}: ${kind} ${name}: ${error.message}, so it cannot be compressed; write it as a number with a unit`,
    );
  }
}

function refuseTooShort(places: readonly Place[], factor: number, yaml: YamlText): void {
  const short = places.filter(({ ms, leastMs }) => ms / factor < leastMs);
  const [first] = short.toSorted((a, b) => a.ms / a.leastMs - b.ms / b.leastMs);
  if (first === undefined) return;
  const { line, column } = yaml.placeAt(first.from);
  const largest = first.ms / first.leastMs;
  throw new UsageError(
    `${yaml.file}:${line}:${column}: ${first.what} of ${durationText(first.ms)} divided by ${factor} is less than ${durationText(first.leastMs)}; ` +
      (largest > 1
        ? `the largest factor for this file is ${Math.floor(largest * 100) / 100}`
        : 'this file cannot be compressed at all'),
  );
}

/** The copy, read again, differs from its original in the durations alone. Aliases and merge keys can make it otherwise. */
function proveEqual(original: RuleFile, copy: RuleFile, factor: number): void {
  const copies = copy.groups.flatMap(({ rules }) => rules);
  for (const [index, rule] of original.groups.flatMap(({ rules }) => rules).entries())
    if (sketch(rule, factor) !== sketch(copies[index], 1))
      throw new UsageError(
        `${rule.file}:${rule.place.line}:${rule.place.column}: ${rule.kind} ${rule.name}: a duration of it is an alias of something that is none, or it cannot be found in the text; write it out`,
      );
}

/** All that must be equal, and the durations divided by `factor`. */
function sketch(rule: RuleEntry | undefined, factor: number): string {
  if (rule === undefined) return '';
  const { group, kind, name, exprText, forMs, keepFiringForMs, labels, annotations } = rule;
  const places = durationsIn(exprText);
  const words = places.map(({ from }, i) => exprText.slice(places[i - 1]?.to ?? 0, from));
  const texts = (map: RuleEntry['labels']) => [...map].map(([key, { text }]) => [key, text]);
  const durations = [group.intervalMs ?? 0, forMs, keepFiringForMs, ...places.map(({ ms }) => ms)];
  return JSON.stringify([
    [group.name, texts(group.labels), kind, name, texts(labels), texts(annotations)],
    [...words, exprText.slice(places.at(-1)?.to ?? 0)],
    durations.map((ms) => Math.round(ms / factor)),
  ]);
}
