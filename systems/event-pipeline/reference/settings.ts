/** The settings of the three programs, from their environment. */
import { readDefect } from './defects.ts';
import type { Defect } from './defects.ts';

export interface Settings {
  host: string;
  port: number;
  /** Said in every answer, so that a client's record can name the pod; the kubelet sets HOSTNAME to it. */
  podName: string;
  /** From SIGTERM on, at least this long new connections are accepted: others may not have heard yet, milliseconds. */
  shutdownAtLeastMs: number;
  /** From SIGTERM until connections that are still open are no longer waited for, milliseconds. */
  shutdownTimeoutMs: number;
  defect: Defect | undefined;
  /** Where defects write down what they drop (truth.ts). */
  truthDir: string | undefined;
}

type Environment = Record<string, string | undefined>;

/** Throws an Error that names the variable and what it may be. */
export function readSettings(env: Environment, port: number): Settings {
  return {
    ...readAddress(env['LISTEN'] ?? `0.0.0.0:${port}`),
    podName: env['HOSTNAME'] || 'local',
    shutdownAtLeastMs: milliseconds(env, 'SHUTDOWN_AT_LEAST_MS', 5_000),
    shutdownTimeoutMs: milliseconds(env, 'SHUTDOWN_TIMEOUT_MS', 15_000),
    defect: readDefect(env['PROOFLOAD_DEFECT'] ?? ''),
    truthDir: env['PROOFLOAD_TRUTH_DIR'] || undefined,
  };
}

/** The address of a store, `kafka://host:port` or `http://host:port`. Throws like `readSettings`. */
export function readStoreUrl(env: Environment, name: string, protocol: string): URL {
  const text = env[name] ?? '';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.protocol !== protocol || url.hostname === '')
    throw new Error(`${name}: expected ${protocol}//host:port, got "${text}"`);
  return url;
}

function milliseconds(env: Environment, name: string, otherwise: number): number {
  const text = env[name] || String(otherwise);
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`${name}: expected a whole number of milliseconds, got "${text}"`);
  return value;
}

function readAddress(text: string): { host: string; port: number } {
  const match = /^([^\s:]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535)
    throw new Error(`LISTEN: expected host:port, e.g. 127.0.0.1:8000, got "${text}"`);
  return { host: match[1], port };
}
