/** One question of a contract to its system, in JSON; and what a failure says about whether it was asked at all. */
import { request } from 'undici';
import { clientSettings } from './client.ts';

/** Longest answer that is read, characters; a whole one has a hundred. */
const MAX_ANSWER = 100_000;
/** Failures of a connection that never came about: nothing was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'ENOTFOUND', 'EHOSTUNREACH']);

export interface Question {
  method: 'GET' | 'POST';
  /** Bearer token; absent: none. */
  token?: string | undefined;
  payload?: unknown;
  timeoutMs: number;
}

/**
 * Status and body; a body that is no JSON is its first 200 characters. With the headers of record/client.ts, on a connection of its own, since the
 * pod behind it may be another one next time. Rejects when there is no whole answer in time, or one of more than 100,000 characters.
 */
export async function askJson(
  url: URL,
  { method, token, payload, timeoutMs }: Question,
): Promise<{ status: number; body: unknown }> {
  const response = await request(url, {
    method,
    headers: {
      ...clientSettings(process.env).headers,
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(payload !== undefined && { body: JSON.stringify(payload) }),
    reset: true,
    signal: AbortSignal.timeout(timeoutMs),
  });
  let text = '';
  for await (const chunk of response.body) {
    text += String(chunk);
    if (text.length > MAX_ANSWER) throw new Error(`an answer of more than ${MAX_ANSWER} characters`);
  }
  return { status: response.statusCode, body: parse(text) };
}

/** Whether `askJson` failed before anything was sent: certainly no effect. */
export function neverSent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && NEVER_SENT.has(String(error.code));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 200);
  }
}
