/** What takes long to fetch or to build, made once: whole or not at all, however many processes try at once. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

const TELL_MS = 15_000;

/**
 * Makes `file` (or a folder) unless it is there. `make` writes to a name of its own, and what it wrote is put in place when it resolves.
 * `onProgress` hears `title` with the seconds since, now and then.
 */
export async function keep(
  file: string,
  onProgress: (line: string) => void,
  title: string,
  make: (target: string) => Promise<void>,
): Promise<void> {
  if (existsSync(file)) return;
  const startedMs = performance.now();
  const tell = () => onProgress(`${title}: ${Math.round((performance.now() - startedMs) / 1_000)} s`);
  tell();
  const ticking = setInterval(tell, TELL_MS);
  mkdirSync(path.dirname(file), { recursive: true });
  const folder = mkdtempSync(path.join(path.dirname(file), '.new-'));
  try {
    const target = path.join(folder, path.basename(file));
    await make(target);
    putInPlace(target, file);
  } finally {
    clearInterval(ticking);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Two that made the same at once: a folder that is there stays, and is as good. */
function putInPlace(made: string, file: string): void {
  try {
    renameSync(made, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
  }
}
