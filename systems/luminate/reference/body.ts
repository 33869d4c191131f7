/** Reads a request's body: at most 10 MB, before and after unpacking. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

export const MAX_BODY_BYTES = 10 * 1024 * 1024;

const unzip = promisify(gunzip);

/** A refusal with its HTTP status. */
export interface Refusal {
  status: number;
  error: string;
}

const TOO_LARGE: Refusal = { status: 413, error: `the body is larger than ${MAX_BODY_BYTES} bytes` };

/** The unpacked bytes; null when the client went away. */
export async function readBody(request: IncomingMessage): Promise<Buffer | Refusal | null> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return TOO_LARGE;
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip')
    return { status: 415, error: `content-encoding "${encoding}": only gzip is understood` };
  const bytes = await collect(request);
  if (encoding === 'identity' || !Buffer.isBuffer(bytes)) return bytes;
  try {
    return await unzip(bytes, { maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    const large = error instanceof RangeError;
    return large ? TOO_LARGE : { status: 400, error: 'the body is not valid gzip' };
  }
}

function collect(request: IncomingMessage): Promise<Buffer | Refusal | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) {
        chunks.length = 0;
        resolve(TOO_LARGE);
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks)));
    request.on('error', () => resolve(null));
    request.on('close', () => resolve(null));
  });
}
