import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { UsageError } from '../../record/model.ts';
import { buildImage, buildImages } from './build.ts';
import { PAUSE, runnerRecipe } from './own.ts';
import { configArgs } from './pack.ts';
import { findProgram, runProgram } from './programs.ts';
import type { Recipe } from './rootfs.ts';
import { shellEntries } from './shell.ts';

const NOTE: Recipe = {
  name: 'localhost/note:1',
  files: [{ kind: 'text', text: 'hello', at: '/note' }],
  entrypoint: ['/note'],
  env: {},
  user: 1000,
};
const never = new AbortController().signal;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-images-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function options(signal = never) {
  const lines: string[] = [];
  return { signal, onProgress: (line: string) => void lines.push(line), lines };
}

/** Programs in the test's own PATH; each does `body`. */
function stub(programs: Record<string, string>): void {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(path.join(bin, name), 0o755);
  }
  vi.stubEnv('PATH', bin);
}

function missing(...programs: string[]): string {
  return programs
    .filter((program) => {
      try {
        return findProgram(program) === '';
      } catch {
        return true;
      }
    })
    .join(', ');
}

describe('what is missing', () => {
  it.each([
    ['umoci', { tar: '', skopeo: '' }],
    ['skopeo', { tar: '', umoci: '' }],
    ['tar', { umoci: '', skopeo: '' }],
  ])('names the package %s in one line, before anything is made', async (name, there) => {
    stub(there);
    const archives = path.join(folder, 'images');
    const refused = await buildImage(NOTE, folder, options(), archives).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UsageError);
    expect(String(refused)).toBe(
      `UsageError: images: ${name} is needed to build container images and is not on PATH; install the package ${name}`,
    );
    expect(existsSync(archives)).toBe(false);
  });

  it('names the package of a program that goes into the image', async () => {
    stub({});
    await expect(buildImage(PAUSE, folder, options(), folder)).rejects.toThrow(
      'install the package catatonit',
    );
    await expect(shellEntries(1000, never)).rejects.toThrow('install the package busybox-static');
  });

  it.each(['nowhere', '../systems/luminate', ''])('knows no system "%s"', async (system) => {
    await expect(buildImages([system], options())).rejects.toThrow(`there is no system "${system}"`);
  });
});

describe('a build that does not end well', () => {
  it('says which step failed and why, and leaves nothing', async () => {
    stub({ tar: '', umoci: 'echo "no space left on device" >&2; exit 1', skopeo: '' });
    const archives = path.join(folder, 'images');
    await expect(buildImage(NOTE, folder, options(), archives)).rejects.toThrow(
      'umoci init --layout failed: no space left on device',
    );
    expect(readdirSync(archives)).toEqual([]);
  });

  it('ends when it is interrupted, and leaves nothing', async () => {
    const interrupt = new AbortController();
    stub({ tar: 'exec /bin/sleep 60', umoci: '', skopeo: '' });
    const archives = path.join(folder, 'images');
    const onProgress = () => setImmediate(() => interrupt.abort());
    const ended = buildImage(NOTE, folder, { signal: interrupt.signal, onProgress }, archives);
    await expect(ended).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(archives)).toEqual([]);
    await expect(buildImage(NOTE, folder, options(interrupt.signal), archives)).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

it('gives each setting to umoci by name', () => {
  expect(configArgs({ ...runnerRecipe('/k6'), stopSignal: 'SIGINT', env: { B: 'x=y', A: '' } })).toEqual([
    '--config.user=1000:1000',
    '--config.entrypoint=/usr/bin/k6',
    '--config.env=A=',
    '--config.env=B=x=y',
    '--config.stopsignal=SIGINT',
    '--config.workingdir=/',
  ]);
});

const lacking = missing('umoci', 'skopeo', 'tar', 'catatonit');
describe.skipIf(lacking !== '')(`an archive${lacking === '' ? '' : ` (skipped: no ${lacking})`}`, () => {
  const Manifest = z.tuple([
    z.object({ Config: z.string(), RepoTags: z.array(z.string()), Layers: z.array(z.string()) }),
  ]);
  const read = (archive: string, member: string) =>
    execFileSync('tar', ['-xOf', archive, member], { stdio: ['ignore', 'pipe', 'pipe'] });

  it('holds the pause image, is built once, and is there again without the programs that build it', async () => {
    const first = options();
    const built = await buildImage(PAUSE, folder, first, folder);
    expect(first.lines).toEqual(['building image localhost/pause:1']);
    expect(readdirSync(folder)).toEqual([path.basename(built.archive)]);

    const [manifest] = Manifest.parse(JSON.parse(read(built.archive, 'manifest.json').toString()));
    expect(manifest.RepoTags).toEqual(['localhost/pause:1']);
    expect(JSON.parse(read(built.archive, manifest.Config).toString())).toMatchObject({
      os: 'linux',
      config: { User: '65535:65535', Entrypoint: ['/catatonit', '-P'] },
    });
    // tar reads the layer to its very end, or fails.
    const layer = read(built.archive, manifest.Layers[0] ?? '');
    const members = execFileSync('tar', ['-tvf', '-', '--numeric-owner'], { input: layer }).toString();
    expect(members).toMatch(/^-rwxr-xr-x 0\/0 .* 1970-01-01 .*\/catatonit$/m);

    const again = options();
    const programs = Object.fromEntries(['catatonit', 'ldd'].map((name) => [name, findProgram(name)]));
    mkdirSync(path.join(folder, 'few'));
    for (const [name, file] of Object.entries(programs))
      execFileSync('ln', ['-s', file, path.join(folder, 'few', name)]);
    vi.stubEnv('PATH', path.join(folder, 'few'));
    expect(await buildImage(PAUSE, folder, again, folder)).toEqual(built);
    expect(again.lines).toEqual([]);
  });
});

describe.skipIf(missing('/bin/busybox') !== '')('nc of the images (skipped without /bin/busybox)', () => {
  it('ends with 0 where somebody listens and with 1 where nobody does', async () => {
    const nc = (await shellEntries(1000, never)).find(({ at }) => at === '/bin/nc');
    const file = path.join(folder, 'nc');
    writeFileSync(file, nc?.kind === 'text' ? nc.text : '', { mode: 0o755 });
    const server = net.createServer((socket) => void socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const scan = () => runProgram(file, ['-z', '-w', '1', '127.0.0.1', port], { signal: never });
    await expect(scan()).resolves.toMatchObject({ stdout: '' });
    await new Promise((resolve) => server.close(resolve));
    await expect(scan()).rejects.toThrow(/refused/);
  });
});
