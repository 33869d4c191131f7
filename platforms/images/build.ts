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
import { chdbFolder } from './chdb.ts';
import { clickhouseRecipe } from './clickhouse.ts';
import { kafkaJars, javaRuntime } from './kafka-parts.ts';
import { kafkaRecipe } from './kafka.ts';
import { PAUSE, prometheusRecipe, runnerRecipe } from './own.ts';
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
  /** The Prometheus for nodes that can reach no registry; without it no image of it is built. */
  prometheus?: string;
}

export interface BuiltImage {
  /** As a manifest may name it: host, path and tag. */
  image: string;
  /** A `docker save` archive, absolute path. */
  archive: string;
}

const StoreKind = z.enum(['postgres', 'kafka', 'clickhouse']);
/** The part of record/contract.ts that is read here. */
const BuildContract = z.object({
  images: z.array(ImageRecipe).optional(),
  stores: z.record(
    z.string(),
    z.object({ kind: StoreKind, withOverlay: z.record(z.string(), StoreKind).optional() }),
  ),
});

/**
 * The images of systems of `systems/`, as `<system>` or `<system>:<overlay>` where an overlay brings another store: their own (`images` of their contracts), the stores they stand on, the pod sandbox of a bare
 * cluster, with `k6` the load runner, and with `prometheus` that. Those that were built before come from the user's cache. Throws UsageError when something
 * they are made of or with is missing, and an error named AbortError when the signal was aborted; then nothing is left behind.
 */
export async function buildImages(systems: readonly string[], options: BuildOptions): Promise<BuiltImage[]> {
  const asked = systems.map((text) => text.split(':', 2));
  const contracts = await Promise.all(asked.map(([system = '', overlay]) => loadContract(system, overlay)));
  const built: BuiltImage[] = [];
  const kinds = new Set<z.infer<typeof StoreKind>>();
  for (const [index, { images, stores }] of contracts.entries()) {
    const [system = '', overlay = ''] = asked[index] ?? [];
    const systemDir = path.join(ROOT, 'systems', system);
    for (const recipe of images ?? []) built.push(await buildImage(recipe, systemDir, options));
    if (images === undefined) continue;
    for (const { kind, withOverlay } of Object.values(stores)) kinds.add(withOverlay?.[overlay] ?? kind);
  }
  for (const kind of [...kinds].sort())
    built.push(await buildImage(await storeRecipe(kind, options), ROOT, options));
  const { k6, prometheus } = options;
  for (const recipe of [
    PAUSE,
    ...(k6 === undefined ? [] : [runnerRecipe(k6)]),
    ...(prometheus === undefined ? [] : [prometheusRecipe(prometheus)]),
  ])
    built.push(await buildImage(recipe, ROOT, options));
  return built;
}

async function storeRecipe(kind: z.infer<typeof StoreKind>, options: BuildOptions): Promise<Recipe> {
  if (kind === 'kafka')
    return kafkaRecipe({ jars: await kafkaJars(options), java: await javaRuntime(options) });
  if (kind === 'clickhouse') return clickhouseRecipe(await chdbFolder(options));
  return postgresRecipe(await postgresPrograms(undefined));
}

async function loadContract(
  system: string,
  overlay: string | undefined,
): Promise<z.infer<typeof BuildContract>> {
  const source = path.join('systems', system, 'contract.ts');
  if (!/^[a-z0-9][a-z0-9-]*$/.test(system) || !existsSync(path.join(ROOT, source)))
    throw new UsageError(`images: there is no system "${system}" (${source})`);
  const module: unknown = await import(pathToFileURL(builtFile(source)).href);
  const contract = BuildContract.safeParse(Reflect.get(Object(module), 'contract'));
  if (contract.success) {
    const known = Object.values(contract.data.stores).flatMap(({ withOverlay = {} }) =>
      Object.keys(withOverlay),
    );
    if (overlay === undefined || known.includes(overlay)) return contract.data;
    throw new UsageError(
      `images: ${system}:${overlay}: no overlay of this name gives ${system} another store; ${known.length === 0 ? 'none does' : `there is: ${known.join(', ')}`} (${source})`,
    );
  }
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
