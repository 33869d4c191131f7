/** docs/rules.md and the rules say the same: every rule has a section, and its example is found with the minus lines and not with the plus lines. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../record/root.ts';
import { checks, findingsOf } from './testing.ts';

const sections = readFileSync(path.join(ROOT, 'docs/rules.md'), 'utf8')
  .split(/^### /m)
  .slice(1)
  .map((text) => ({ id: text.slice(0, text.indexOf('\n')), text }));

it('has one section for each rule, in which its severity and title stand', () => {
  expect(sections.map(({ id }) => id).sort()).toEqual(Object.keys(checks).sort());
  for (const { id, text } of sections) {
    const { severity, title } = checks[id] ?? { severity: '', title: '' };
    expect(text.replaceAll('\n', ' '), id).toContain(`${severity}: ${title}`);
  }
});

/** The example without the lines of one side; rules alone are put into a group. */
function example(text: string, left: string): string {
  const [, diff = ''] = /```diff\n([^]*?)```/.exec(text) ?? [];
  const lines = diff.split('\n').filter((line) => !line.startsWith(left));
  const yaml = lines.map((line) => line.slice(1));
  if (diff.startsWith('groups:')) return lines.map((line, i) => (i === 0 ? line : line.slice(1))).join('\n');
  return `groups:\n  - name: example\n    rules:\n${yaml.map((line) => `      ${line}`).join('\n')}`;
}

describe('the example of', () => {
  it.each(sections)('$id', ({ id, text }) => {
    const found = (left: string) => findingsOf(example(text, left)).filter(({ rule }) => rule === id);
    const [bad] = found('+');
    expect(bad).toBeDefined();
    expect(bad?.line).toBeGreaterThan(3);
    expect(`${bad?.why} ${bad?.fix}`).not.toMatch(/undefined|NaN[^,]|\[object|null/);
    expect(found('-')).toEqual([]);
  });

  it.each(sections)('$id is free of any other error when it is mended', ({ text }) => {
    const rest = findingsOf(example(text, '-')).filter(({ severity }) => severity === 'error');
    expect(rest).toEqual([]);
  });
});
