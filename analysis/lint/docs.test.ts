/** docs/lint.md and the rules say the same: every rule has a section, and its example is found with the minus lines and not with the plus lines. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseForLint } from '../../commands/lint-read.ts';
import { ROOT } from '../../record/root.ts';
import { lint } from './lint.ts';
import { allRules } from './testing.ts';

const rules = await allRules();
const sections = readFileSync(path.join(ROOT, 'docs/lint.md'), 'utf8')
  .split(/^### /m)
  .slice(1)
  .map((text) => ({ id: text.slice(0, text.indexOf('\n')), text }));

it('has one section for each rule, in which its severity and title stand', () => {
  expect(sections.map(({ id }) => id).sort()).toEqual(Object.keys(rules).sort());
  for (const { id, text } of sections) {
    const { severity, title } = rules[id] ?? { severity: '', title: '' };
    expect(text.replaceAll('\n', ' '), id).toContain(`${severity}: ${title}`);
  }
});

describe('the example of', () => {
  it.each(sections)('$id', ({ id, text }) => {
    const [, diff = ''] = /```diff\n([^]*?)```/.exec(text) ?? [];
    const found = (left: string) => {
      const yaml = diff
        .split('\n')
        .filter((line) => !line.startsWith(left))
        .map((line) => line.slice(1))
        .join('\n');
      return lint(parseForLint(yaml, 'example.yaml'), rules).filter(({ rule }) => rule === id);
    };
    const [bad] = found('+');
    expect(bad).toBeDefined();
    expect(bad?.line).toBeGreaterThan(0);
    expect(`${bad?.why} ${bad?.fix}`).not.toMatch(/undefined|NaN|\[object/);
    expect(found('-')).toEqual([]);
  });
});
