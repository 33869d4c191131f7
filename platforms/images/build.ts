/** Builds a system's container images without a registry, a daemon or root, once for each state of what goes into them. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ImageRecipe } from '../../record/image.ts';
import { UsageError } from '../../record/model.ts';
import { builtFile, cacheFolder, ROOT } from '../../record/root.ts';
import { postgresPrograms } from '../postgres-programs.ts';
import { archiveFile, keyOf, removeOldArchives } from './cache.ts';
import { PAUSE, runnerRecipe } from './own.ts';
import { pack, requirePackers } from './pack.ts';
import { postgresRecipe } from './postgres.ts';
import { entriesOf, writeRootfs } from './rootfs.ts';
import type { Recipe } from './rootfs.ts';

export interface BuildOptions {
  signal: AbortSignal;
  /** One line for people, now and then. */
  onProgress: (line: string) => void;
  /** The k6 for load from inside the cluster; without it no image of it is built. */
  k6?: string;
}

export interface BuiltImage {
  /** As a manifest may name it: host, path and tag. */
  image: string;
  /** A `docker save` archive, absolute path. */
  archive: string;
}

/** The part of record/contract.ts that is read here. */
const BuildContract = z.object({
  images: z.array(ImageRecipe).optional(),
  stores: z.record(z.string(), z.object({ kind: z.string() })),
});

/**
 * The images of a system of `systems/`: its own (`images` of its contract), the store it stands on, the pod sandbox of a bare
 * cluster, and with `k6` the load runner. Those that were built before come from the user's cache. Throws UsageError when something
 * they are made of or with is missing, and an error named AbortError when the signal was aborted; then nothing is left behind.
 */
export async function buildImages(system: string, options: BuildOptions): Promise<BuiltImage[]> {
  const systemDir = path.join(ROOT, 'systems', system);
  const contract = await loadContract(system);
  const recipes: Recipe[] = [...(contract.images ?? [])];
  const kinds = new Set(Object.values(contract.stores).map(({ kind }) => kind));
  if (contract.images !== undefined && kinds.has('postgres'))
    recipes.push(postgresRecipe(await postgresPrograms(undefined)));
  recipes.push(PAUSE);
  if (options.k6 !== undefined) recipes.push(runnerRecipe(options.k6));
  const built: BuiltImage[] = [];
  for (const recipe of recipes) built.push(await buildImage(recipe, systemDir, options));
  return built;
}

async function loadContract(system: string): Promise<z.infer<typeof BuildContract>> {
  const source = path.join('systems', system, 'contract.ts');
  if (!/^[a-z0-9][a-z0-9-]*$/.test(system) || !existsSync(path.join(ROOT, source)))
    throw new UsageError(`images: there is no system "${system}" (${source})`);
  const module: unknown = await import(pathToFileURL(builtFile(source)).href);
  const contract = BuildContract.safeParse(Reflect.get(Object(module), 'contract'));
  if (contract.success) return contract.data;
  const { path: field, message } = contract.error.issues[0] ?? { path: [], message: '' };
  throw new UsageError(`${source}: contract.${field.map(String).join('.')}: ${message} (record/image.ts)`);
}

/** One image; `folder` is where archives are kept. Two processes at once both build, and either result stays. */
export async function buildImage(
  recipe: Recipe,
  systemDir: string,
  { signal, onProgress }: BuildOptions,
  folder = path.join(cacheFolder(), 'images'),
): Promise<BuiltImage> {
  signal.throwIfAborted();
  const entries = await entriesOf(recipe, systemDir, signal);
  const archive = archiveFile(folder, recipe.name, await keyOf(recipe, entries));
  const image = { image: recipe.name, archive };
  if (existsSync(archive)) {
    utimesSync(archive, new Date(), new Date());
    return image;
  }
  requirePackers();
  onProgress(`building image ${recipe.name}`);
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(path.join(folder, '.new-'));
  try {
    const root = path.join(work, 'rootfs');
    mkdirSync(root);
    writeRootfs(root, entries);
    renameSync(await pack(work, recipe, signal), archive);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  removeOldArchives(folder, recipe.name, archive);
  return image;
}
