import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { entriesOf, writeRootfs } from './rootfs.ts';
import type { Recipe } from './rootfs.ts';

const signal = new AbortController().signal;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-rootfs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function recipe(...files: Recipe['files'][number][]): Recipe {
  return { name: 'localhost/x:1', files, entrypoint: ['/x'], env: {}, user: 1000 };
}

it('lists what a recipe names, sorted, with its modes', async () => {
  const files = recipe(
    { kind: 'text', text: 'b', at: '/etc/b' },
    { kind: 'text', text: 'a', at: '/bin/a', mode: 0o755 },
    { kind: 'folder', at: '/data', mode: 0o1777 },
  );
  expect(await entriesOf(files, folder, signal)).toEqual([
    { kind: 'text', at: '/bin/a', text: 'a', mode: 0o755 },
    { kind: 'folder', at: '/data', mode: 0o1777 },
    { kind: 'text', at: '/etc/b', text: 'b', mode: 0o644 },
  ]);
});

it('puts a program there with its libraries where the loader finds them', async () => {
  const entries = await entriesOf(
    recipe({ kind: 'program', program: 'node', at: '/usr/bin/node' }),
    folder,
    signal,
  );
  expect(entries).toContainEqual({ kind: 'copy', at: '/usr/bin/node', from: process.execPath, mode: 0o755 });
  const libraries = entries.filter(({ at }) => at !== '/usr/bin/node');
  expect(libraries.length).toBeGreaterThan(0);
  for (const entry of libraries)
    expect(entry).toEqual({ kind: 'copy', at: entry.at, from: entry.at, mode: 0o755 });
});

it('takes of a folder what is wanted, links as links', async () => {
  mkdirSync(path.join(folder, 'native', 'lib'), { recursive: true });
  writeFileSync(path.join(folder, 'native', 'lib', 'x.so.1'), '');
  writeFileSync(path.join(folder, 'native', 'lib', 'x.a'), '');
  symlinkSync('x.so.1', path.join(folder, 'native', 'lib', 'x.so'));
  const entries = await entriesOf(
    recipe({
      kind: 'tree',
      from: path.join(folder, 'native'),
      at: '/opt',
      programs: [],
      takes: (file) => !file.endsWith('.a'),
    }),
    folder,
    signal,
  );
  expect(entries).toEqual([
    { kind: 'link', at: '/opt/lib/x.so', to: 'x.so.1' },
    { kind: 'copy', at: '/opt/lib/x.so.1', from: path.join(folder, 'native', 'lib', 'x.so.1'), mode: 0o644 },
  ]);
});

it('bundles a program and what it imports into one file', async () => {
  writeFileSync(path.join(folder, 'part.ts'), 'export const word: string = "bundled";');
  writeFileSync(
    path.join(folder, 'main.ts'),
    'import { word } from "./part.ts"; import "node:fs"; console.log(word);',
  );
  const [entry] = await entriesOf(
    recipe({ kind: 'bundle', entry: 'main.ts', at: '/app/main.js' }),
    folder,
    signal,
  );
  expect(entry).toMatchObject({ kind: 'text', at: '/app/main.js', mode: 0o644 });
  expect(entry).toHaveProperty('text', expect.stringContaining('bundled'));
  expect(entry).not.toHaveProperty('text', expect.stringContaining('part.ts")'));
});

it.each([
  ['two things at one path', [text('/a', '1'), text('/a', '2')], /two different things at \/a/],
  [
    'a program that is not there',
    [{ kind: 'program', program: '/no/such', at: '/a' }],
    /no program \/no\/such/,
  ],
  ['a source that is not there', [{ kind: 'bundle', entry: 'none.ts', at: '/a' }], /there is no .*none\.ts/],
] as const)('refuses %s', async (_, files, message) => {
  await expect(entriesOf(recipe(...files), folder, signal)).rejects.toThrow(message);
});

it('names file and line of a source that does not build', async () => {
  writeFileSync(path.join(folder, 'main.ts'), 'const a = 1;\nconst b = ;\n');
  const broken = entriesOf(recipe({ kind: 'bundle', entry: 'main.ts', at: '/a' }), folder, signal);
  await expect(broken).rejects.toThrow(/main\.ts:2:11: /);
});

function text(at: string, content: string) {
  return { kind: 'text', at, text: content } as const;
}

it('writes files, links and folders with modes that do not depend on the umask', () => {
  const source = path.join(folder, 'source');
  writeFileSync(source, 'copied', { mode: 0o600 });
  const root = path.join(folder, 'root');
  mkdirSync(root, { mode: 0o700 });
  const before = process.umask(0o077);
  try {
    writeRootfs(root, [
      { kind: 'copy', at: '/bin/program', from: source, mode: 0o755 },
      { kind: 'link', at: '/bin/sh', to: 'program' },
      { kind: 'folder', at: '/tmp', mode: 0o1777 },
      { kind: 'text', at: '/tmp/deep/er/note', text: 'hello', mode: 0o644 },
    ]);
  } finally {
    process.umask(before);
  }
  const mode = (at: string) => statSync(path.join(root, at)).mode & 0o7777;
  expect(['.', 'bin', 'bin/program', 'tmp', 'tmp/deep/er', 'tmp/deep/er/note'].map(mode)).toEqual([
    0o755, 0o755, 0o755, 0o1777, 0o755, 0o644,
  ]);
  expect(readlinkSync(path.join(root, 'bin/sh'))).toBe('program');
  expect(readFileSync(path.join(root, 'bin/program'), 'utf8')).toBe('copied');
});
