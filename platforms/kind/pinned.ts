/** Gets a file whose SHA-256 is known. Nothing is written, let alone unpacked, before the checksum is the pinned one. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CannotRun } from '../platform.ts';
import { reasonOf } from './run.ts';

const FETCH_LIMIT_MS = 2 * 60_000;

export interface Pinned {
  url: string;
  /** Lower-case hexadecimal. */
  sha256: string;
  /** More than this is refused while it comes. */
  limitBytes: number;
}

/**
 * Puts a copy into `file`, unless a right one is there. Throws CannotRun when the address does not answer, answers with too much or with
 * something else than what is pinned.
 */
export async function fetchPinned(pinned: Pinned, file: string, signal: AbortSignal): Promise<void> {
  const { url, sha256 } = pinned;
  if (existsSync(file) && sha256Of(readFileSync(file)) === sha256) return;
  const content = await download(pinned, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new CannotRun(`${url} could not be fetched: ${reasonOf(error)}; put the file at ${file} by hand`, {
      cause: error,
    });
  });
  const found = sha256Of(content);
  if (found !== sha256) {
    throw new CannotRun(
      `${url} has the SHA-256 ${found}, and ${sha256} is pinned; it was not used: find out who changed it before you change the pin`,
    );
  }
  mkdirSync(path.dirname(file), { recursive: true });
  const fresh = `${file}.new-${process.pid}`;
  writeFileSync(fresh, content);
  renameSync(fresh, file);
}

async function download({ url, limitBytes }: Pinned, signal: AbortSignal): Promise<Buffer> {
  const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_LIMIT_MS)]) });
  if (!answer.ok || answer.body === null) throw new Error(`it answered ${answer.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw new Error(`it is larger than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
