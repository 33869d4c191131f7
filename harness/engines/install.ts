/** Puts a program into the cache whole or not at all, however many processes try at once. */
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cachedFile, type Engine } from './engine.ts';
import { usableVersion } from './version.ts';

export interface Found {
  path: string;
  version: string;
}

/**
 * `make` gets a fresh folder beside the cached file and returns the program it made there. The program is asked for its version and
 * then renamed into place: of two installations at once the last one stays, and both are whole. Throws with the reason.
 */
export async function install(engine: Engine, make: (folder: string) => Promise<string>): Promise<Found> {
  const target = cachedFile(engine);
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(path.join(path.dirname(target), '.new-'));
  try {
    const made = await make(folder);
    chmodSync(made, 0o755);
    const version = await usableVersion(engine, made);
    renameSync(made, target);
    return { path: target, version };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
