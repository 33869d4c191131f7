/**
 * YAML in which every value knows its file and line, also after an overlay was laid over it, so that an error or an
 * unplayed field can be named where a person would look for it.
 */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';
import { UsageError } from '../../record/model.ts';
import { reasonOf } from '../../record/reason.ts';
import { ROOT } from '../../record/root.ts';

type Scalar = string | number | boolean | null;
export interface Located {
  file: string;
  line: number;
  value: Scalar | Located[] | Map<string, Located>;
}
type Path = readonly PropertyKey[];

/** A manifest is a page of text; a megabyte of it is a mistake, and aliases may unfold to more than they look. */
const MAX_BYTES = 1_000_000;
const MAX_NODES = 100_000;
/** Kubernetes' own deepest fields lie some twenty levels down; an alias to what it stands in has no end. */
const MAX_DEPTH = 500;

/** All documents of a file, empty ones left out. Throws UsageError `file:line: what`. */
export function readYaml(file: string): Located[] {
  const shown = shownPath(file);
  return parseYaml(readText(file, shown), shown);
}

/** What cannot be read for any reason (rights, a loop of links) is input that cannot be used. */
function readText(file: string, shown: string): string {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (!stat?.isFile()) throw new UsageError(`${shown}: no such file`);
    if (stat.size > MAX_BYTES) throw new UsageError(`${shown}: larger than ${MAX_BYTES} bytes; split it`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw error instanceof UsageError
      ? error
      : new UsageError(`${shown}: cannot be read: ${reasonOf(error)}`);
  }
}

/** The same for a text, with the name it goes by in messages. */
export function parseYaml(text: string, shown: string): Located[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
  });
  const found: Located[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const error = document.errors[0];
    if (error !== undefined) {
      const line = lines.linePos(error.pos[0]).line;
      throw new UsageError(`${shown}:${line}: not valid YAML: ${error.message}; correct the file`);
    }
    if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
      continue;
    const line = lines.linePos(document.contents.range[0]).line;
    found.push(locate(document.contents, document, { file: shown, lines, left: MAX_NODES }, line, 0));
  }
  return found;
}

/** The path as a person types it: relative to the checkout where it lies inside. */
export function shownPath(file: string): string {
  const relative = path.relative(ROOT, file);
  return relative.startsWith('..') ? file : relative;
}

function locate(
  node: unknown,
  document: Document.Parsed,
  context: { file: string; lines: LineCounter; left: number },
  line: number,
  depth: number,
): Located {
  const { file } = context;
  if (depth > MAX_DEPTH)
    throw new UsageError(`${file}:${line}: more than ${MAX_DEPTH} levels deep; an alias may contain itself`);
  if (context.left-- <= 0)
    throw new UsageError(`${file}:${line}: more than ${MAX_NODES} values; aliases unfold to too much`);
  if (isAlias(node)) {
    const meant = node.resolve(document);
    if (meant === undefined)
      throw new UsageError(`${file}:${line}: *${node.source} is an alias of nothing; correct the file`);
    return locate(meant, document, context, line, depth + 1);
  }
  const lineOf = (part: unknown, otherwise: number) => {
    const range = isNode(part) ? part.range : undefined;
    return range === undefined || range === null ? otherwise : context.lines.linePos(range[0]).line;
  };
  if (isMap(node)) {
    const value = new Map<string, Located>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      value.set(key, locate(pair.value, document, context, lineOf(pair.key, line), depth + 1));
    }
    return { file, line, value };
  }
  if (isSeq(node))
    return {
      file,
      line,
      value: node.items.map((item) => locate(item, document, context, lineOf(item, line), depth + 1)),
    };
  const scalar: unknown = isScalar(node) ? node.value : null;
  const known = typeof scalar === 'string' || typeof scalar === 'number' || typeof scalar === 'boolean';
  return { file, line, value: known ? scalar : null };
}

/** The same as ordinary objects. Null values are left out, as the API server leaves them out. */
export function plain(node: Located): unknown {
  if (Array.isArray(node.value)) return node.value.map(plain);
  if (!(node.value instanceof Map)) return node.value;
  const entries = [...node.value].filter(([, below]) => below.value !== null);
  return Object.fromEntries(entries.map(([key, below]) => [key, plain(below)]));
}

/** The value at a path, or the deepest one above it that exists. */
export function nearest(node: Located, at: Path): Located {
  let found = node;
  for (const key of at) {
    const next = step(found, key);
    if (next === undefined) return found;
    found = next;
  }
  return found;
}

/** The value at a path, or undefined. */
export function find(node: Located, at: Path): Located | undefined {
  return at.reduce<Located | undefined>((found, key) => found && step(found, key), node);
}

function step({ value }: Located, key: PropertyKey): Located | undefined {
  if (Array.isArray(value)) return value[Number(key)];
  return value instanceof Map ? value.get(String(key)) : undefined;
}

/** `spec.containers[0].name` */
export function fieldName(at: Path): string {
  return at
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`))
    .join('');
}

/** Input that cannot be used, said with its place. */
export function badInput(node: Located, object: string, field: string, why: string): UsageError {
  return new UsageError(`${node.file}:${node.line}: ${object}: ${field === '' ? '' : `${field}: `}${why}`);
}

/** Reads a value with a schema. Throws UsageError that names file, line, object and field. */
export function parseLocated<T>(schema: z.ZodType<T>, node: Located, object: string): T {
  const result = schema.safeParse(plain(node));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw badInput(node, object, '', 'not understood');
  const at = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  const why = issue.code === 'unrecognized_keys' ? 'unknown field; correct or remove it' : issue.message;
  throw badInput(nearest(node, at), object, fieldName(at), why);
}

/**
 * Lays a partial object over another: maps are merged, null removes, lists whose items have a `name` are merged by
 * it (containers, env, ports), other lists are replaced. The words of a strategic merge patch; of its
 * directives one is known, for whole objects (read.ts).
 */
export function overlay(base: Located, patch: Located): Located {
  if (base.value instanceof Map && patch.value instanceof Map) {
    const value = new Map(base.value);
    for (const [key, change] of patch.value) {
      const below = value.get(key);
      if (change.value === null) value.delete(key);
      else value.set(key, below === undefined ? change : overlay(below, change));
    }
    return { ...base, value };
  }
  if (
    Array.isArray(base.value) &&
    Array.isArray(patch.value) &&
    patch.value.every((item) => nameOf(item) !== undefined)
  ) {
    const value = [...base.value];
    for (const item of patch.value) {
      const i = value.findIndex((other) => nameOf(other) === nameOf(item));
      const below = value[i];
      if (below === undefined) value.push(item);
      else value[i] = overlay(below, item);
    }
    return { ...base, value };
  }
  return patch;
}

function nameOf(node: Located): string | undefined {
  const name = node.value instanceof Map ? node.value.get('name')?.value : undefined;
  return typeof name === 'string' ? name : undefined;
}
