/** Where things are on disk: the project's folder for data files (manifests, chaos objects, k6 scripts), and the built code beside it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder above this file that holds package.json: the same in a checkout and in dist/. */
function findRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder)
      throw new Error('proofload: no package.json above the program; the installation is incomplete');
    folder = parent;
  }
  return folder;
}

/** The checkout (or the installed package). */
export const ROOT = findRoot();

/** The built JavaScript of one source file, e.g. `systems/luminate/contract.ts`. */
export function builtFile(source: string): string {
  return path.join(ROOT, 'dist', source.replace(/\.ts$/, '.js'));
}
