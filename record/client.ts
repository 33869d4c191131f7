/**
 * How a client gets in where a system was there before and nobody deployed its secrets: from this process's environment, for every contract alike.
 *   PROOFLOAD_TOKEN_FILE   a file whose text is the bearer token
 *   PROOFLOAD_HEADERS      more headers of every request, as a JSON object of strings
 * Certificates of a private authority: SSL_CERT_FILE for k6, NODE_EXTRA_CA_CERTS for Proofload, as for every program of Go and of Node.
 */
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { UsageError } from './model.ts';

export interface ClientSettings {
  /** Undefined where the contract makes its own. */
  token: string | undefined;
  headers: Record<string, string>;
  /** Never to be written down. */
  sensitive: string[];
}

const TOKEN_FILE = 'PROOFLOAD_TOKEN_FILE';
const HEADERS = 'PROOFLOAD_HEADERS';
/** A token is a line; this much of a file is none. */
const MAX_BYTES = 64 * 1_024;

const Headers = z.record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string().regex(/^[^\r\n]*$/));

/** Throws UsageError for a file that cannot be read, and for headers that are none. */
export function clientSettings(env: Readonly<Record<string, string | undefined>>): ClientSettings {
  const token = tokenOf(env[TOKEN_FILE]);
  const headers = headersOf(env[HEADERS]);
  return { token, headers, sensitive: [...(token === undefined ? [] : [token]), ...Object.values(headers)] };
}

function tokenOf(file: string | undefined): string | undefined {
  if (file === undefined || file === '') return undefined;
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > MAX_BYTES)
    throw new UsageError(`${TOKEN_FILE}: ${file} is no file with a token in it; correct the path`);
  const token = readFileSync(file, 'utf8').trim();
  if (token === '' || /\s/.test(token)) throw new UsageError(`${TOKEN_FILE}: ${file} holds no single token`);
  return token;
}

function headersOf(text: string | undefined): Record<string, string> {
  if (text === undefined || text === '') return {};
  try {
    return Headers.parse(JSON.parse(text));
  } catch {
    // The values may be secrets: they are not repeated.
    throw new UsageError(
      `${HEADERS}: expected a JSON object of header names and strings, as {"X-Org":"acme"}`,
    );
  }
}
