/** The engine of ClickHouse as a library, from the npm package that tools/clickhouse pins; half a gigabyte, so it is no dependency. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, ROOT } from '../../record/root.ts';
import { keep } from '../kept.ts';
import { findProgram, runProgram } from './programs.ts';

const TOOL = path.join(ROOT, 'tools', 'clickhouse');
const LOCK = path.join(TOOL, 'package-lock.json');
const FETCH_LIMIT_MS = 15 * 60_000;

/** Where it is in the user's cache, or will be. */
export function chdbPlace(): string {
  // What was installed is for one kind of machine.
  const key = createHash('sha256').update(`${process.platform}-${process.arch} `).update(readFileSync(LOCK));
  return path.join(cacheFolder(), `chdb-${key.digest('hex').slice(0, 12)}`);
}

/** The folder that has it in its node_modules. npm holds every package against the lock file's checksums. */
export async function chdbFolder(options: {
  signal: AbortSignal;
  onProgress: (line: string) => void;
}): Promise<string> {
  const folder = chdbPlace();
  await keep(folder, options.onProgress, 'fetching the engine of ClickHouse (550 MB)', async (target) => {
    mkdirSync(target);
    for (const file of ['package.json', 'package-lock.json'])
      copyFileSync(path.join(TOOL, file), path.join(target, file));
    // Not `ci`: it wants the engines of all processors in the lock file, and registries do not have all of them.
    await runProgram(findProgram('npm'), ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
      signal: options.signal,
      cwd: target,
      timeoutMs: FETCH_LIMIT_MS,
    });
  });
  return folder;
}
