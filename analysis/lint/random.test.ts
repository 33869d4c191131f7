/** Whatever is in a file, the reader answers with objects or one UsageError, and the rules answer. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { array, assert, constant, constantFrom, jsonValue, oneof, property, string, tuple } from 'fast-check';
import { expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { parseForLint } from '../../commands/lint-read.ts';
import { UsageError } from '../../record/model.ts';
import { lint } from './lint.ts';
import { allRules } from './testing.ts';

const SEED = 5;
const rules = await allRules();

const folder = path.join(import.meta.dirname, 'fixtures');
const documents = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => parseAllDocuments(readFileSync(path.join(folder, file), 'utf8')))
  .map((document): unknown => document.toJS());

/** Every place of a value, by keys. */
function places(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, below]) => places(below, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const entries = Object.entries(Object(value) as Record<string, unknown>).map(
    ([name, below]) => [name, name === key ? replaced(below, rest, by) : below] as const,
  );
  return Array.isArray(value) ? entries.map(([, below]) => below) : Object.fromEntries(entries);
}

const strange = oneof(
  jsonValue({ maxDepth: 3 }),
  constantFrom<unknown>(null, [], {}, '', -1, 0.5, 2 ** 31, '-5%', '1e99', [[]], { __proto__: null }, '${x}'),
);
const changed = constantFrom(...documents)
  .chain((document) => tuple(constant(document), constantFrom(...places(document)), strange))
  .map(([document, at, by]) => replaced(document, at, by));

it('never throws on manifests with anything anywhere', () => {
  assert(
    property(array(changed, { minLength: 1, maxLength: 6 }), (set) => {
      const text = set.map((document) => stringify(document)).join('---\n');
      for (const { line, why, fix } of lint(parseForLint(text, 'random.yaml'), rules)) {
        expect(line).toBeGreaterThan(0);
        expect(why + fix).not.toBe('');
      }
    }),
    { seed: SEED, numRuns: 400 },
  );
});

it('never throws but a UsageError on any text', () => {
  assert(
    property(
      oneof(
        string(),
        jsonValue().map((value) => stringify(value)),
        string({
          unit: constantFrom('{', '}', '[', ']', ':', '-', '&', '*', '!', '|', '> ', '\n', '"', '#', 'a'),
        }),
      ),
      (text) => {
        try {
          lint(parseForLint(text, 'random.yaml'), rules);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      },
    ),
    { seed: SEED, numRuns: 1_000 },
  );
});
