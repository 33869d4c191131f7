/**
 * Builds the TypeScript into dist/<key>/, one file per source file plus shared chunks. The key is what the sources look like (names,
 * sizes, times), so a run that goes on keeps the very code it started with while a file is edited and another command is started.
 * Keeping the tree's shape lets a folder be its own registry: `checks/`, `scenarios/`, `reports/` are read, never listed.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, 'dist');
/** No sources, or not of this program: dependencies, results, and the scripts that run inside k6 (bundled when a load starts). */
const LEFT_OUT = new Set(['node_modules', 'dist', 'out', 'e2e', 'docs', path.join('scenarios', 'k6')]);
/** A build that no command has used for this long is removed; a run never lasts that long. */
const KEEP_MS = 30 * 86_400_000;

/** Every source file below `folder`, relative to the root. */
function sources(folder = '') {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    if (entry.name.startsWith('.') || LEFT_OUT.has(name)) return [];
    if (entry.isDirectory()) return sources(name);
    return name.endsWith('.ts') && !/\.(test|e2e|d|config)\.ts$/.test(name) ? [name] : [];
  });
}

/** Builds if this state of the sources was not built before. Returns the folder that holds the result. */
export async function build() {
  const files = sources().sort();
  const key = createHash('sha256');
  for (const file of [...files, 'package-lock.json', path.join('bin', 'build.mjs')]) {
    const { size, mtimeMs } = statSync(path.join(root, file));
    key.update(`${file} ${size} ${mtimeMs}\n`);
  }
  const built = path.join(dist, key.digest('hex').slice(0, 16));
  if (existsSync(built)) {
    utimesSync(built, new Date(), new Date());
    return built;
  }
  const { build: esbuild } = await import('esbuild');
  const fresh = path.join(dist, `.new-${process.pid}`);
  mkdirSync(fresh, { recursive: true });
  await esbuild({
    entryPoints: files.map((file) => path.join(root, file)),
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
  putInPlace(fresh, built);
  removeOld();
  return built;
}

/** Two commands started at once may both build: the first rename wins, and the other result is the same. */
function putInPlace(fresh, built) {
  try {
    renameSync(fresh, built);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(built)) throw error;
  }
}

function removeOld() {
  for (const entry of readdirSync(dist)) {
    const folder = path.join(dist, entry);
    if (Date.now() - statSync(folder).mtimeMs > KEEP_MS) rmSync(folder, { recursive: true, force: true });
  }
}
