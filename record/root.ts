/** Where things are on disk: the project's folder for data files (manifests, chaos objects, k6 scripts), the built code that runs, and the cache. */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder above `folder` (itself included) that holds `name`, or null. */
function nearest(folder: string, name: string): string | null {
  for (let here = folder; ; here = path.dirname(here)) {
    if (existsSync(path.join(here, name))) return here;
    if (here === path.dirname(here)) return null;
  }
}

const HERE = path.dirname(fileURLToPath(import.meta.url));

function findRoot(): string {
  const root = nearest(HERE, 'package.json');
  if (root === null)
    throw new Error('proofload: no package.json above the program; the installation is incomplete');
  return root;
}

/** The checkout (or the installed package). */
export const ROOT = findRoot();

/** This build: where cli.js lies. A program that was started keeps its own build, whatever is built later. */
const BUILT = nearest(HERE, 'cli.js');

/** The built JavaScript of one source file, e.g. `systems/luminate/contract.ts`. Only in a built program. */
export function builtFile(source: string): string {
  if (BUILT === null)
    throw new Error(`proofload: ${source} is not built; start the program through bin/proofload.mjs`);
  return path.join(BUILT, source.replace(/\.ts$/, '.js'));
}

/**
 * The project's folder in the user's cache, where what takes long to fetch or to build is kept; it need not be there yet.
 * A cache folder that is not absolute counts as unset (XDG Base Directory Specification).
 */
export function cacheFolder(env: Record<string, string | undefined> = process.env): string {
  const { XDG_CACHE_HOME: xdg } = env;
  const cache = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache');
  return path.join(cache, 'proofload');
}
