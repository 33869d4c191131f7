/** From a recipe to the files of an image's root file system: first as a list, then on disk. */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { ImageFile, ImageRecipe } from '../../record/image.ts';
import { UsageError } from '../../record/model.ts';
import { bundleProgram } from './bundle.ts';
import { librariesOf } from './ldd.ts';
import { findProgram } from './programs.ts';
import { shellEntries } from './shell.ts';

/** A folder of this machine as it stands, of which `programs` (relative) are run; what of their libraries lies outside comes along. */
export interface Tree {
  kind: 'tree';
  from: string;
  at: string;
  programs: readonly string[];
  /** Of relative paths: which of its files to take. */
  takes: (file: string) => boolean;
}

/** A recipe of this platform's own may take folders, too. */
export interface Recipe extends Omit<ImageRecipe, 'files'> {
  files: readonly (ImageFile | Tree)[];
}

/** `at` is the path in the image, `from` a file of this machine. A `program` brings its libraries. */
export type RootfsEntry =
  | { kind: 'program'; at: string; from: string }
  | { kind: 'copy'; at: string; from: string; mode: number }
  | { kind: 'text'; at: string; text: string; mode: number }
  | { kind: 'link'; at: string; to: string }
  | { kind: 'folder'; at: string; mode: number };
export type PlainEntry = Exclude<RootfsEntry, { kind: 'program' }>;

/**
 * Everything the recipe puts into the image, sorted, each path once. `systemDir` is where its bundles start. Throws UsageError for a
 * program that is not here and for two different things at one path.
 */
export async function entriesOf(
  recipe: Recipe,
  systemDir: string,
  signal: AbortSignal,
): Promise<PlainEntry[]> {
  const entries = new Map<string, PlainEntry>();
  for (const file of recipe.files) {
    for (const entry of await expand(file, recipe.user, systemDir, signal)) {
      for (const plain of entry.kind === 'program' ? await withLibraries(entry, signal) : [entry]) {
        const before = entries.get(plain.at);
        if (before !== undefined && JSON.stringify(before) !== JSON.stringify(plain))
          throw new UsageError(
            `image ${recipe.name}: two different things at ${plain.at}; change one of them in its recipe`,
          );
        entries.set(plain.at, plain);
      }
    }
  }
  return [...entries.values()].sort((a, b) => (a.at < b.at ? -1 : 1));
}

async function expand(
  file: ImageFile | Tree,
  user: number,
  systemDir: string,
  signal: AbortSignal,
): Promise<RootfsEntry[]> {
  if (file.kind === 'shell') return shellEntries(user, signal);
  if (file.kind === 'tree') return treeEntries(file, signal);
  const { at } = file;
  if (file.kind === 'program') return [{ kind: 'program', at, from: findProgram(file.program) }];
  if (file.kind === 'folder') return [{ kind: 'folder', at, mode: file.mode ?? 0o755 }];
  if (file.kind === 'text') return [{ kind: 'text', at, text: file.text, mode: file.mode ?? 0o644 }];
  const text = await bundleProgram(path.join(systemDir, file.entry));
  return [{ kind: 'text', at, text, mode: 0o644 }];
}

/** Each library where the loader of this machine finds it, which is where the same loader looks in the image. */
async function withLibraries(
  { at, from }: { at: string; from: string },
  signal: AbortSignal,
): Promise<PlainEntry[]> {
  return [{ kind: 'copy', at, from, mode: 0o755 }, ...copies(await librariesOf(from, signal))];
}

function copies(libraries: readonly string[]): PlainEntry[] {
  return libraries.map((file) => ({ kind: 'copy', at: file, from: file, mode: 0o755 }));
}

async function treeEntries(tree: Tree, signal: AbortSignal): Promise<PlainEntry[]> {
  const inside = readdirSync(tree.from, { recursive: true, withFileTypes: true }).flatMap(
    (item): PlainEntry[] => {
      const from = path.join(item.parentPath, item.name);
      const relative = path.relative(tree.from, from);
      const at = path.posix.join(tree.at, relative);
      if (!tree.takes(relative)) return [];
      if (item.isSymbolicLink()) return [{ kind: 'link', at, to: readlinkSync(from) }];
      const mode = tree.programs.includes(relative) ? 0o755 : 0o644;
      return item.isFile() ? [{ kind: 'copy', at, from, mode }] : [];
    },
  );
  const libraries = new Set<string>();
  for (const program of tree.programs)
    for (const file of await librariesOf(path.join(tree.from, program), signal)) libraries.add(file);
  const outside = [...libraries].filter((file) => path.relative(tree.from, file).startsWith('..'));
  return [...inside, ...copies(outside)];
}

/** Makes the files below `root`, which exists. Modes are set whatever the umask is; owners are set when it is packed. */
export function writeRootfs(root: string, entries: readonly PlainEntry[]): void {
  chmodSync(root, 0o755);
  for (const entry of entries) {
    const target = path.join(root, entry.at);
    makeFolders(root, entry.kind === 'folder' ? entry.at : path.posix.dirname(entry.at));
    if (entry.kind === 'link') {
      symlinkSync(entry.to, target);
      continue;
    }
    if (entry.kind === 'copy') copyFileSync(entry.from, target);
    if (entry.kind === 'text') writeFileSync(target, entry.text, { flag: 'wx' });
    chmodSync(target, entry.mode);
  }
}

function makeFolders(root: string, at: string): void {
  if (at === '/') return;
  makeFolders(root, path.posix.dirname(at));
  const folder = path.join(root, at);
  // The mode of a folder that a recipe names is set after this.
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o755);
}
