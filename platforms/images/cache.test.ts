import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { archiveFile, keyOf, removeOldArchives } from './cache.ts';
import type { PlainEntry, Recipe } from './rootfs.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-images-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const RECIPE: Recipe = { name: 'localhost/x:1', files: [], entrypoint: ['/x'], env: { A: '1' }, user: 1000 };

function entries(): PlainEntry[] {
  const from = path.join(folder, 'program');
  writeFileSync(from, 'one');
  return [
    { kind: 'copy', at: '/x', from, mode: 0o755 },
    { kind: 'text', at: '/y', text: 'text', mode: 0o644 },
  ];
}

it('has another key for each other input', async () => {
  const files = entries();
  const [copy, text] = files;
  if (copy?.kind !== 'copy' || text?.kind !== 'text') throw new Error('other entries than expected');
  const keys = [
    await keyOf(RECIPE, files),
    await keyOf({ ...RECIPE, name: 'localhost/x:2' }, files),
    await keyOf({ ...RECIPE, user: 1001 }, files),
    await keyOf({ ...RECIPE, env: { A: '2' } }, files),
    await keyOf({ ...RECIPE, entrypoint: ['/x', '-v'] }, files),
    await keyOf({ ...RECIPE, stopSignal: 'SIGINT' }, files),
    await keyOf(RECIPE, [copy]),
    await keyOf(RECIPE, [{ ...copy, mode: 0o644 }, text]),
    await keyOf(RECIPE, [{ ...copy, at: '/z' }, text]),
    await keyOf(RECIPE, [copy, { ...text, text: 'Text' }]),
  ];
  writeFileSync(copy.from, 'two');
  keys.push(await keyOf(RECIPE, files));
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{16}$/);
});

it('has the same key for the same content, whatever its time and the order of settings', async () => {
  const files = entries();
  const env = { A: '1', B: '2' };
  const key = await keyOf({ ...RECIPE, env }, files);
  utimesSync(path.join(folder, 'program'), 1, 1);
  expect(await keyOf({ ...RECIPE, env: { B: '2', A: '1' } }, files)).toBe(key);
});

it('keeps the last used archives of an image, its own, and all of other images', () => {
  const archives = ['1', '2', '3', '4', '5'].map((digit) =>
    archiveFile(folder, 'localhost/x:1', digit.repeat(16)),
  );
  archives.forEach((file, i) => {
    writeFileSync(file, '');
    utimesSync(file, 1_000 + i, 1_000 + i);
  });
  writeFileSync(path.join(folder, 'x-1-2-0000000000000000.tar'), '');
  const [oldest = ''] = archives;
  removeOldArchives(folder, 'localhost/x:1', oldest);
  expect(readdirSync(folder).sort()).toEqual(
    ['x-1-1111111111111111', 'x-1-2-0000000000000000', 'x-1-4444444444444444', 'x-1-5555555555555555'].map(
      (name) => `${name}.tar`,
    ),
  );
});
