/** Gets an official release. Nothing is unpacked, let alone run, before its checksum is the pinned one. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Engine, platformKey, type Progress } from './engine.ts';
import { type Found, install } from './install.ts';

const DOWNLOAD_LIMIT_MS = 5 * 60_000;
const DOWNLOAD_LIMIT_BYTES = 256 * 1024 * 1024;
const UNPACK_LIMIT_MS = 60_000;

/** Why there is nothing to download here, or null. */
export function notDownloadable(engine: Engine): string | null {
  return engine.releases[platformKey()] === undefined ? `no pinned checksum for ${platformKey()}` : null;
}

/** Downloads, checks and unpacks into the cache. Throws with the reason. */
export async function download(engine: Engine, { signal, onProgress }: Progress): Promise<Found> {
  const release = engine.releases[platformKey()];
  if (release === undefined) throw new Error(`no pinned checksum for ${platformKey()}`);
  return install(engine, async (folder) => {
    onProgress(`downloading ${engine.name} ${engine.version} from ${new URL(release.url).host}`);
    const archive = path.join(folder, 'archive.tar.gz');
    const sha256 = await fetchTo(release.url, archive, signal);
    if (sha256 !== release.sha256) {
      throw new Error(`${release.url} has the SHA-256 ${sha256}, and ${release.sha256} is pinned`);
    }
    await promisify(execFile)('tar', ['-xzf', archive, '-C', folder, '--', release.member], {
      timeout: UNPACK_LIMIT_MS,
      signal,
    });
    const program = path.join(folder, release.member);
    if (!lstatSync(program).isFile()) throw new Error(`${release.member} of ${release.url} is not a file`);
    return program;
  });
}

/** Writes the answer to a file and returns its SHA-256. */
async function fetchTo(url: string, file: string, signal: AbortSignal): Promise<string> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_LIMIT_MS)]);
  const answer = await fetch(url, { signal: both }).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new Error(`${url} cannot be reached${cause}`, { cause: error });
  });
  if (!answer.ok || answer.body === null) throw new Error(`${url} answered ${answer.status}`);
  const hash = createHash('sha256');
  const out = await open(file, 'wx');
  let bytes = 0;
  try {
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes > DOWNLOAD_LIMIT_BYTES) {
        throw new Error(`${url} is larger than ${DOWNLOAD_LIMIT_BYTES / 2 ** 20} MiB`);
      }
      hash.update(chunk);
      await out.write(chunk);
    }
  } finally {
    await out.close();
  }
  return hash.digest('hex');
}
