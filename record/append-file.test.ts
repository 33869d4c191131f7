import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type * as Fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AppendFile } from './append-file.ts';

/** Bytes that still fit on the disk, as a full one takes them: a part of a write, then nothing. */
const disk = vi.hoisted(() => ({ roomBytes: Number.POSITIVE_INFINITY }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  return {
    ...fs,
    writeSync(fd: number, content: Uint8Array, offset: number) {
      const fits = Math.min(content.length - offset, disk.roomBytes);
      if (fits === 0) throw new Error('ENOSPC: no space left on device, write');
      disk.roomBytes -= fits;
      return fs.writeSync(fd, content, offset, fits);
    },
  };
});

let dir: string;
let file: string;
let lines: AppendFile;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'append-file-test-'));
  file = path.join(dir, 'lines');
  lines = new AppendFile(file);
  disk.roomBytes = Number.POSITIVE_INFINITY;
});
afterEach(() => rmSync(dir, { recursive: true }));

const content = () => readFileSync(file, 'utf8');

it('appends to what is there, each line at once', () => {
  writeFileSync(file, 'before\n');
  expect(lines.append('a')).toBeNull();
  expect(content()).toBe('before\na\n');
});

it('keeps what does not fit, leaves no part of it, and writes all in order when there is room', () => {
  lines.append('first');
  disk.roomBytes = 3;
  expect(lines.append('second')?.message).toContain('ENOSPC');
  expect(content()).toBe('first\n');
  expect(lines.append('third')?.message).toContain('ENOSPC');
  expect(lines.flush()?.message).toContain('ENOSPC');
  disk.roomBytes = Number.POSITIVE_INFINITY;
  expect(lines.append('fourth')).toBeNull();
  expect(content()).toBe('first\nsecond\nthird\nfourth\n');
  expect(lines.flush()).toBeNull();
});

it('says so where the folder is gone', () => {
  rmSync(dir, { recursive: true });
  expect(lines.append('a')?.message).toContain('ENOENT');
  dir = mkdtempSync(path.join(os.tmpdir(), 'append-file-test-'));
});
