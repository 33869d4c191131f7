/** YAML nodes with the place of every value, and of every character in a text however it is written. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Document, Node } from 'yaml';
import { UsageError } from '../../record/model.ts';
import type { Place } from './rule-file.ts';

export interface YamlText {
  file: string;
  text: string;
  placeAt(offset: number): Place;
  documents: Document.Parsed[];
}

/** Throws UsageError `file:line:column: what`. */
export function parseRuleYaml(text: string, file: string): YamlText {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const read = Array.isArray(documents) ? documents : [];
  for (const { errors } of read) {
    const [error] = errors;
    if (error === undefined) continue;
    const { line, column } = placeAt(error.pos[0]);
    const template = text.includes('{{')
      ? ' (a template of Helm or jsonnet? render it first: helm template)'
      : '';
    throw new UsageError(
      `${file}:${line}:${column}: not valid YAML: ${error.message}; correct the file${template}`,
    );
  }
  return { file, text, placeAt, documents: read };
}

/** A value with the document it belongs to, aliases followed. */
export interface Value {
  yaml: YamlText;
  document: Document.Parsed;
  node: Node | null;
  place: Place;
}

function valueOf(yaml: YamlText, document: Document.Parsed, found: unknown, around: Place): Value {
  let node = (found ?? null) as Node | null;
  const start = node?.range?.[0];
  const place = start === undefined ? around : yaml.placeAt(start);
  // An alias of an alias ends: YAML knows only anchors that stand before it.
  for (let steps = 0; isAlias(node) && steps < 100; steps++) {
    const meant: Node | undefined = node.resolve(document);
    if (meant === undefined)
      throw new UsageError(
        `${yaml.file}:${place.line}:${place.column}: *${node.source} is an alias of nothing; correct the file`,
      );
    node = meant;
  }
  return { yaml, document, node, place };
}

export function rootOf(yaml: YamlText, document: Document.Parsed): Value {
  return valueOf(yaml, document, document.contents, { line: 1, column: 1 });
}

export interface Field {
  key: string;
  keyPlace: Place;
  value: Value;
}

/** Merge keys within each other that are followed. */
const MAX_MERGE_DEPTH = 10;
/** Fields and maps that the merge keys of one map may bring: merged in each other they make much of little. */
const MAX_MERGED = 2_000;

/**
 * Fields of a map; those of a merge key (`<<`) where the map has none of that name. Null: it is no map. Throws UsageError where merge keys
 * bring too many.
 */
export function fieldsOf(value: Value): Field[] | null {
  if (!isMap(value.node)) return null;
  const own: Field[] = [];
  const merged = new Map<string, Field>();
  let brought = 0;
  const spend = (amount: number) => {
    brought += amount;
    if (brought > MAX_MERGED)
      throw new UsageError(
        `${value.yaml.file}:${value.place.line}:${value.place.column}: its merge keys (<<) bring more than ${MAX_MERGED} fields; write the map without them`,
      );
  };
  const take = ({ yaml, document, node, place }: Value, depth: number) => {
    if (!isMap(node)) return;
    if (depth > 0) spend(node.items.length + 1);
    const below: Value[] = [];
    for (const { key, value: found } of node.items) {
      const keyPlace = valueOf(yaml, document, key, place).place;
      const field = { key: isScalar(key) ? String(key.value) : String(key), keyPlace };
      const held = valueOf(yaml, document, found, keyPlace);
      if (field.key === '<<' && depth <= MAX_MERGE_DEPTH) below.push(held);
      else if (depth === 0) own.push({ ...field, value: held });
      else if (!merged.has(field.key)) merged.set(field.key, { ...field, value: held });
    }
    for (const held of below) {
      if (isSeq(held.node)) spend(held.node.items.length);
      for (const map of itemsOf(held) ?? [held]) take(map, depth + 1);
    }
  };
  take(value, 0);
  const names = new Set(own.map(({ key }) => key));
  return [...own, ...[...merged.values()].filter(({ key }) => !names.has(key))];
}

/** Items of a list; null: it is none. */
export function itemsOf({ yaml, document, node, place }: Value): Value[] | null {
  return isSeq(node) ? node.items.map((item) => valueOf(yaml, document, item, place)) : null;
}

/** Text, number or truth value as text; null: neither. */
export function scalarText({ node }: Value): string | null {
  if (!isScalar(node)) return null;
  const { value } = node;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return node.source ?? String(value);
  return null;
}

/** Nothing, or `null`. */
export function isEmpty({ node }: Value): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/**
 * The place of each character of a text. Block scalars lose their indentation, folded ones their line ends, quoted ones their escapes:
 * the text is laid along its source, and what only the source has is passed over.
 */
export function characterPlaces({ yaml, node }: Value, text: string): (offset: number) => Place {
  const [start, end] = isScalar(node) ? (node.range ?? [0, 0]) : [0, 0];
  const { text: source } = yaml;
  let at = start;
  if (source[start] === '|' || source[start] === '>') at = source.indexOf('\n', start) + 1;
  else if (source[start] === '"' || source[start] === "'") at = start + 1;
  const offsets: number[] = [];
  // Both halves of a character beyond U+FFFF are in the source, too.
  for (const character of text.split('')) {
    const wanted = /\s/.test(character) ? /\s/ : null;
    while (at < end && (wanted === null ? source[at] !== character : !/[\s\\]/.test(source[at] ?? ''))) at++;
    // One line end and the indentation after it may be a single blank of the text.
    offsets.push(Math.min(at, end));
    at++;
  }
  return (offset) => yaml.placeAt(offsets[offset] ?? offsets.at(-1) ?? start);
}
