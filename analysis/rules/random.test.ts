/** Whatever is in a file, the reader answers with rules, findings or one UsageError, and the lint answers. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { array, assert, constantFrom, integer, property, string, tuple } from 'fast-check';
import { expect, it } from 'vitest';
import { UsageError } from '../../record/model.ts';
import { characterPlaces, parseRuleYaml, rootOf } from './yaml-places.ts';
import { fileOf, findingsOf } from './testing.ts';
import { parsePromql, PromqlError } from './promql-parse.ts';
import { parseRuleFile } from './rule-file-read.ts';

const SEED = 7;
const folder = path.join(import.meta.dirname, 'fixtures/sound');
const texts = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), 'utf8'));
const expressions = texts.flatMap((text) =>
  parseRuleFile(text, 'x.yaml').groups.flatMap(({ rules }) => rules.map(({ exprText }) => exprText)),
);

/** Pieces of real expressions, put together anyhow. */
const pieces = [...new Set(expressions.flatMap((text) => text.match(/\w+|"[^"]*"|\S/g) ?? []))];
const nonsense = array(constantFrom(...pieces), { maxLength: 25 }).map((words) => words.join(' '));

it('answers on expressions of anything', () => {
  assert(
    property(nonsense, (expr) => {
      for (const { line, column, why, fix } of findingsOf(fileOf({ expr: expr === '' ? 'x' : expr }))) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(why + fix).not.toBe('');
      }
    }),
    { seed: SEED, numRuns: 400 },
  );
});

it('throws nothing but PromqlError on any text', () => {
  assert(
    property(string({ maxLength: 60, unit: 'binary' }), (text) => {
      try {
        parsePromql(text);
      } catch (error) {
        expect(error).toBeInstanceOf(PromqlError);
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});

it('answers on files that are torn', () => {
  assert(
    property(
      constantFrom(...texts),
      integer({ min: 0, max: 5_000 }),
      integer({ min: 0, max: 40 }),
      (text, at, length) => {
        try {
          findingsOf(text.slice(0, at) + text.slice(at + length, 8_000));
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      },
    ),
    { seed: SEED, numRuns: 25 },
  );
});

it('finds every visible character of a text in its source, however it is written', () => {
  const line = array(constantFrom('a', 'b > 1', '"c"', "'d'", 'e\\f', '(g)'), {
    minLength: 1,
    maxLength: 4,
  }).map((words) => words.join(' '));
  assert(
    property(
      array(line, { minLength: 1, maxLength: 4 }),
      constantFrom('|', '>-', '"'),
      tuple(integer({ min: 1, max: 6 })),
      (lines, style, [indent]) => {
        const whole =
          style === '"'
            ? lines
                .join('\\n')
                .replaceAll(/\\(?!n)/g, '\\\\')
                .replaceAll('"', '\\"')
            : lines.map((one) => ' '.repeat(indent) + one).join('\n');
        const yaml = parseRuleYaml(style === '"' ? `- "${whole}"` : `- ${style}\n${whole}\n`, 'x.yaml');
        const [document] = yaml.documents;
        if (document === undefined) throw new Error('no document');
        const [item] = document.toJS() as string[];
        const root = rootOf(yaml, document);
        const value = { ...root, node: document.getIn([0], true) as typeof root.node };
        const placeOf = characterPlaces(value, item ?? '');
        const source = yaml.text.split('\n');
        for (const [i, character] of Array.from(item ?? '').entries()) {
          if (/\s/.test(character)) continue;
          const { line: row, column } = placeOf(i);
          expect(source[row - 1]?.[column - 1]).toBe(character);
        }
      },
    ),
    { seed: SEED, numRuns: 200 },
  );
});
