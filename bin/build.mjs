/**
 * Builds the TypeScript into dist/, one file per source file plus shared chunks, when a source is newer than the last build.
 * Keeping the tree's shape lets a folder be its own registry: `checks/`, `scenarios/`, `reports/` are read, never listed.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, 'dist');
const stamp = path.join(dist, '.built');
const FOLDERS = [
  'record',
  'analysis',
  'checks',
  'reports',
  'harness',
  'platforms',
  'systems',
  'scenarios',
  'bench',
];

/** Sources, without tests and without the scripts that run inside k6 (those are bundled when a load starts). */
function sources() {
  const found = [path.join(root, 'cli.ts')];
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath ?? entry.path, entry.name);
      if (
        entry.isFile() &&
        file.endsWith('.ts') &&
        !/\.(test|e2e|d)\.ts$/.test(file) &&
        !file.includes(`scenarios${path.sep}k6`)
      )
        found.push(file);
    }
  }
  return found;
}

/** Modification time in milliseconds, 0 where there is no such file. */
function mtime(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Builds if anything changed. Returns the folder that holds the result. */
export async function build() {
  const files = sources();
  const newest = Math.max(
    ...files.map(mtime),
    mtime(path.join(root, 'package-lock.json')),
    mtime(fileURLToPath(import.meta.url)),
  );
  const known = mtime(stamp) > newest && readStamp() === files.length;
  if (known) return dist;
  const { build: esbuild } = await import('esbuild');
  const fresh = path.join(root, `.dist-${process.pid}`);
  await esbuild({
    entryPoints: files,
    outdir: fresh,
    outbase: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'linked',
    logLevel: 'error',
  });
  mkdirSync(fresh, { recursive: true });
  writeFileSync(path.join(fresh, '.built'), '');
  truncateTo(path.join(fresh, '.built'), files.length);
  // Two commands started at once may both build: the rename makes each result whole, the last one stays.
  rmSync(dist, { recursive: true, force: true });
  try {
    renameSync(fresh, dist);
  } catch {
    rmSync(fresh, { recursive: true, force: true });
  }
  return dist;
}

/** The number of sources is the stamp's size: a deleted or added file changes it even where no time stamp does. */
function readStamp() {
  return statSync(stamp, { throwIfNoEntry: false })?.size ?? -1;
}

function truncateTo(file, size) {
  writeFileSync(file, '.'.repeat(size));
}
