/** Built archives in the user's cache, under a name that says what went into them. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PlainEntry, Recipe } from './rootfs.ts';

/** Counts up when this folder packs the same inputs into something else. */
const FORMAT = 1;
/** Archives of one image that stay: each edit of a bundled source makes a new one of a hundred megabytes. */
const KEPT = 3;

/** SHA-256, 16 hex digits, of everything that decides what is in the image: its settings, and path, mode and content of each file. */
export async function keyOf(recipe: Recipe, entries: readonly PlainEntry[]): Promise<string> {
  const { name, entrypoint, env, user, stopSignal } = recipe;
  const settings = [FORMAT, name, entrypoint, sorted(env), user, stopSignal ?? null];
  const key = createHash('sha256').update(JSON.stringify(settings));
  for (const entry of entries)
    key.update(
      JSON.stringify(entry.kind === 'copy' ? [entry.at, entry.mode, await contentHash(entry.from)] : entry),
    );
  return key.digest('hex').slice(0, 16);
}

function sorted(env: Record<string, string>): [string, string][] {
  return Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Of the file itself and not of its times: a reinstalled library of the same content is no new input. */
async function contentHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** `luminate-v1` of `docker.io/library/luminate:v1`. */
function shortName(name: string): string {
  return path.posix.basename(name).replace(':', '-');
}

export function archiveFile(folder: string, name: string, key: string): string {
  return path.join(folder, `${shortName(name)}-${key}.tar`);
}

/** Removes all archives of an image but the last used ones, and `archive` never. */
export function removeOldArchives(folder: string, name: string, archive: string): void {
  const prefix = `${shortName(name)}-`;
  const others = readdirSync(folder)
    .filter((file) => file.startsWith(prefix) && /^[0-9a-f]{16}\.tar$/.test(file.slice(prefix.length)))
    .map((file) => path.join(folder, file))
    .filter((file) => file !== archive && existsSync(file))
    .map((file) => ({ file, usedMs: statSync(file).mtimeMs }))
    .sort((a, b) => b.usedMs - a.usedMs);
  for (const { file } of others.slice(KEPT - 1)) rmSync(file, { force: true });
}
