/**
 * Text to a rule file, as Prometheus reads it (https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/,
 * model/rulefmt), and PrometheusRule objects of the operator, which carry the same groups.
 */
import { parsePromDurationMs } from './duration.ts';
import { parsePromql, PromqlError } from './promql-parse.ts';
import { checkTypes, typeOf } from './promql-types.ts';
import type { Place, Problem, RuleEntry, RuleFile, RuleGroup, Text } from './rule-file.ts';
import {
  characterPlaces,
  type Field,
  fieldsOf,
  isEmpty,
  itemsOf,
  parseRuleYaml,
  rootOf,
  scalarText,
  type Value,
} from './yaml-places.ts';

/** The last two of the group belong to Thanos and to Mimir. */
const GROUP_FIELDS = ['name', 'interval', 'query_offset', 'limit', 'labels', 'rules'];
const OTHER_GROUP_FIELDS = ['partial_response_strategy', 'source_tenants'];
const RULE_FIELDS = ['record', 'alert', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations'];
/** Aliases make much of little; the largest public set has some thousand. */
const MAX_RULES = 20_000;

interface Reading {
  file: RuleFile;
  object: string;
}

/** Throws UsageError for what is no YAML. */
export function parseRuleFile(text: string, file: string): RuleFile {
  const yaml = parseRuleYaml(text, file);
  const found: RuleFile = { file, groups: [], problems: [], unreadable: [], skipped: [] };
  let plain = 0;
  for (const document of yaml.documents) {
    const root = rootOf(yaml, document);
    if (isEmpty(root)) continue;
    const objects = itemsOf(fieldOf(root, 'items')?.value ?? root) ?? [root];
    for (const object of objects) {
      const kind = scalarText(fieldOf(object, 'kind')?.value ?? object);
      const spec = kind === 'PrometheusRule' ? fieldOf(object, 'spec')?.value : undefined;
      const holder = spec ?? object;
      const groups = fieldOf(holder, 'groups')?.value;
      if (groups === undefined || (spec === undefined && kind !== null)) {
        found.skipped.push(`${file}:${object.place.line}`);
        continue;
      }
      const reading = { file: found, object: file };
      if (spec === undefined && plain++ > 0)
        report(
          reading,
          object.place,
          'A second document: Prometheus reads the first one only, and drops these rules without a word that stops it.',
          'Put its groups into the first document, or into a file of their own.',
        );
      readGroups(reading, groups, fieldsOf(holder) ?? []);
    }
  }
  return found;
}

function report({ file, object }: Reading, place: Place, why: string, fix: string): void {
  const problem: Problem = { place, object, why, fix };
  file.problems.push(problem);
}

function fieldOf(value: Value, key: string): Field | undefined {
  return fieldsOf(value)?.find((field) => field.key === key);
}

function unknownFields(reading: Reading, fields: readonly Field[], known: readonly string[]): void {
  for (const { key, keyPlace } of fields)
    if (!known.includes(key))
      report(
        reading,
        keyPlace,
        `The field ${key} is unknown, and Prometheus refuses the whole file.`,
        `Correct or remove it; known are ${known.slice(0, 7).join(', ')}.`,
      );
}

function readGroups(reading: Reading, groups: Value, around: readonly Field[]): void {
  unknownFields(reading, around, ['groups', 'namespace']);
  const items = isEmpty(groups) ? [] : itemsOf(groups);
  if (items === null)
    return report(reading, groups.place, 'groups is no list.', 'Write each group as an item: - name: ...');
  for (const item of items) readGroup(reading, item);
}

function readGroup({ file }: Reading, item: Value): void {
  const fields = fieldsOf(item) ?? [];
  const get = (key: string) => fields.find((field) => field.key === key)?.value;
  const name = textField(get('name'));
  const reading = { file, object: `group ${name}` };
  unknownFields(reading, fields, [...GROUP_FIELDS, ...OTHER_GROUP_FIELDS]);
  if (name === '')
    report(reading, item.place, 'A group without a name is refused.', 'Give it one, unique in the file.');
  if (file.groups.some((group) => group.name === name))
    report(
      reading,
      item.place,
      `A second group ${name} in one file is refused.`,
      'Give it another name, or put the rules together.',
    );
  const limit = textField(get('limit'));
  if (limit !== '' && !/^\d+$/.test(limit))
    report(reading, get('limit')?.place ?? item.place, `limit: ${limit} is no whole number.`, 'Correct it.');
  duration(reading, get('query_offset'), 'query_offset');
  const group: RuleGroup = {
    name,
    intervalMs: duration(reading, get('interval'), 'interval'),
    labels: textsOf(reading, get('labels'), 'labels'),
    rules: [],
  };
  file.groups.push(group);
  const rules = get('rules');
  const items = rules === undefined || isEmpty(rules) ? [] : itemsOf(rules);
  if (items === null)
    return report(reading, rules?.place ?? item.place, 'rules is no list.', 'Write each rule as an item.');
  for (const rule of items) {
    if (file.groups.reduce((sum, { rules: { length } }) => sum + length, 0) >= MAX_RULES)
      return report(
        reading,
        rule.place,
        `More than ${MAX_RULES} rules; the rest is not judged.`,
        'Split the file.',
      );
    const entry = readRule(file, group, rule);
    if (entry !== null) group.rules.push(entry);
  }
}

function readRule(file: RuleFile, group: RuleGroup, item: Value): RuleEntry | null {
  const fields = fieldsOf(item) ?? [];
  const get = (key: string) => fields.find((field) => field.key === key)?.value;
  const [alert, record] = [textField(get('alert')), textField(get('record'))];
  const kind = alert === '' ? 'record' : 'alert';
  const name = alert === '' ? record : alert;
  const reading = { file, object: name === '' ? `group ${group.name}` : `${kind} ${name}` };
  unknownFields(reading, fields, RULE_FIELDS);
  if ((alert === '') === (record === ''))
    report(
      reading,
      item.place,
      `A rule has one of alert and record, and this one has ${alert === '' ? 'neither' : 'both'}.`,
      'Say which it is.',
    );
  const forMs = duration(reading, get('for'), 'for') ?? 0;
  const keepFiringForMs = duration(reading, get('keep_firing_for'), 'keep_firing_for') ?? 0;
  if (kind === 'record' && alert === '')
    for (const { key, keyPlace } of fields)
      if (['for', 'keep_firing_for', 'annotations'].includes(key))
        report(reading, keyPlace, `A recording rule has no ${key}.`, 'Remove it, or make the rule an alert.');
  if (kind === 'record' && !/^[a-zA-Z_:][\w:]*$/.test(name) && name !== '')
    report(
      reading,
      get('record')?.place ?? item.place,
      `${name} is no name for a metric; a selector with labels is none either.`,
      'Letters, digits, _ and : only; labels go into labels.',
    );
  const expr = get('expr');
  const exprText = expr === undefined ? '' : (scalarText(expr) ?? '');
  if (expr === undefined || exprText.trim() === '') {
    report(reading, expr?.place ?? item.place, 'A rule without expr is refused.', 'Write the expression.');
    return null;
  }
  const placeOf = characterPlaces(expr, exprText);
  return {
    file: file.file,
    kind,
    name,
    place: item.place,
    group,
    expr: readExpr(reading, exprText, placeOf),
    exprText,
    placeOf,
    forMs,
    forPlace: get('for')?.place ?? item.place,
    keepFiringForMs,
    labels: textsOf(reading, get('labels'), 'labels'),
    annotations: textsOf(reading, get('annotations'), 'annotations'),
  };
}

function readExpr({ file, object }: Reading, text: string, placeOf: RuleEntry['placeOf']): RuleEntry['expr'] {
  const refuse = (why: string, offset: number) => {
    file.unreadable.push({
      place: placeOf(offset),
      object,
      why,
      fix: 'Correct the expression.',
    });
    return null;
  };
  try {
    const expr = parsePromql(text);
    checkTypes(expr);
    const type = typeOf(expr);
    if (type !== 'vector' && type !== 'scalar')
      return refuse(`A rule needs a vector, and this is a ${type}: every evaluation fails.`, 0);
    return expr;
  } catch (error) {
    if (error instanceof PromqlError)
      return refuse(`${error.message}. Prometheus refuses the whole file.`, error.offset);
    throw error;
  }
}

function textField(value: Value | undefined): string {
  return (value && scalarText(value)) ?? '';
}

/** Null where there is none, or none that can be read. */
function duration(reading: Reading, value: Value | undefined, key: string): number | null {
  if (value === undefined) return null;
  const text = textField(value);
  const ms = parsePromDurationMs(text);
  if (ms === null)
    report(
      reading,
      value.place,
      `${key}: ${text === '' ? 'nothing' : text} is no duration of Prometheus: whole numbers with y, w, d, h, m, s, ms, the biggest first, 292 years at most.`,
      'For instance 90s, 5m, 1h30m.',
    );
  return ms;
}

function textsOf(reading: Reading, value: Value | undefined, key: string): Map<string, Text> {
  const texts = new Map<string, Text>();
  if (value === undefined || isEmpty(value)) return texts;
  const fields = fieldsOf(value);
  if (fields === null) report(reading, value.place, `${key} is no map.`, 'Write name: value.');
  for (const field of fields ?? []) {
    const text = scalarText(field.value);
    if (text === null)
      report(reading, field.keyPlace, `${key}.${field.key} is no text.`, 'Write one, in quotes.');
    else texts.set(field.key, { text, ...field.value.place });
    if (!/^[a-zA-Z_]\w*$/.test(field.key) || field.key === '__name__')
      report(
        reading,
        field.keyPlace,
        `${field.key} is no name for a label or an annotation.`,
        'Letters, digits and _ only.',
      );
  }
  return texts;
}
