/** docs/scenarios.md says what the schemas and the checks say: every field, every check with its scope, title, options and defaults. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { CheckModule } from '../analysis/check.ts';
import { Disturbance, Load, Scenario } from '../record/model.ts';
import { ROOT } from '../record/root.ts';

const text = readFileSync(path.join(ROOT, 'docs/scenarios.md'), 'utf8');

/** First cell (a name in backquotes) -> the other cells, of the rows below a heading. */
function rowsBelow(heading: string): Map<string, string[]> {
  const [, section = ''] = text.split(`## ${heading}\n`);
  const lines = section.split('\n## ')[0]?.split('\n') ?? [];
  return new Map(
    lines.flatMap((line) => {
      const [, first = '', ...others] = line.split('|').map((cell) => cell.trim());
      const [, name] = /^`(.+)`$/.exec(first) ?? [];
      return name === undefined ? [] : [[name, others] as const];
    }),
  );
}

it('shows a scenario as it stands in its file', () => {
  const [, shown = ''] = /```ts\n([^]*?)```/.exec(text) ?? [];
  expect(shown).toBe(readFileSync(path.join(ROOT, 'scenarios/drain-1m.ts'), 'utf8'));
});

it('has a row for each field', () => {
  const wanted = [
    ...Object.keys(Scenario.shape),
    ...Object.keys(Load.shape).map((field) => `load.${field}`),
    ...Object.keys(Disturbance.shape).map((field) => `disturb.${field}`),
  ];
  expect([...rowsBelow('Fields').keys()].sort()).toEqual(wanted.sort());
});

const files = readdirSync(import.meta.dirname)
  .filter((name) => !name.endsWith('.test.ts'))
  .map((name) => path.basename(name, '.ts'));

it('has a row for each check', () => {
  expect([...rowsBelow('Checks').keys()].sort()).toEqual(files.sort());
});

it.each(files)('says what %s promises, and its options with their defaults', async (check) => {
  const { title, scope, options } = (await import(
    pathToFileURL(path.join(import.meta.dirname, `${check}.ts`)).href
  )) as CheckModule;
  const [over, promise, words = ''] = rowsBelow('Checks').get(check) ?? [];
  expect([over, promise]).toEqual([scope, title]);
  if (!(options instanceof z.ZodObject)) throw new Error('its options are no object');
  const told = new Map(
    [...words.matchAll(/`(\w+)`(?: \(`?([^`)]+)`?\))?/g)].map(([, name = '', fallback]) => [name, fallback]),
  );
  for (const [name, schema] of Object.entries(options.shape)) {
    const absent = z.safeParse(schema as z.ZodType, undefined);
    const fallback = !absent.success
      ? undefined
      : absent.data === undefined
        ? '-'
        : JSON.stringify(absent.data);
    expect(told.get(name), `${name} in docs/scenarios.md`).toBe(fallback);
    told.delete(name);
  }
  // What else stands in backquotes is a field of the scenario.
  for (const name of told.keys()) expect(['good', 'prometheus'], name).toContain(name);
});
