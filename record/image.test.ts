import { describe, expect, it } from 'vitest';
import { ImageRecipe } from './image.ts';

const GOOD = {
  name: 'docker.io/library/x:v1',
  files: [{ kind: 'shell' }, { kind: 'folder', at: '/data', mode: 0o1777 }],
  entrypoint: ['/bin/sh'],
  env: { A: '1' },
  user: 1000,
};

describe('ImageRecipe', () => {
  it('takes a whole recipe', () => expect(ImageRecipe.safeParse(GOOD).success).toBe(true));

  it.each([
    ['no tag', { name: 'docker.io/library/x' }],
    ['the tag latest', { name: 'docker.io/library/x:latest' }],
    ['no host', { name: 'x:v1' }],
    ['root', { user: 0 }],
    ['no entrypoint', { entrypoint: [] }],
    ['no files', { files: [] }],
    ['a name that is no variable', { env: { 'A B': '1' } }],
    ['a way out of the root', { files: [{ kind: 'folder', at: '/../etc' }] }],
    ['a relative place', { files: [{ kind: 'folder', at: 'etc' }] }],
    ['a bundle from elsewhere', { files: [{ kind: 'bundle', entry: '../../cli.ts', at: '/a' }] }],
    ['a bundle from elsewhere, later', { files: [{ kind: 'bundle', entry: 'a/../../b.ts', at: '/a' }] }],
    ['a set-uid mode', { files: [{ kind: 'text', text: '', at: '/a', mode: 0o4755 }] }],
    ['an unknown field', { files: [{ kind: 'shell', at: '/a' }] }],
  ])('refuses %s', (_, change) => {
    expect(ImageRecipe.safeParse({ ...GOOD, ...change }).success).toBe(false);
  });
});
