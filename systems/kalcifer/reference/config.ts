/** The server's settings, from its environment. */
import { DEFECTS, type Defect } from './defects.ts';

export interface Config {
  host: string;
  port: number;
  databaseUrl: string;
  /** Key of the tenant that is made at the start: no endpoint makes any. */
  apiKey: string;
  /** Longest a statement or a connection attempt may take, milliseconds. */
  statementTimeoutMs: number;
  /** From SIGTERM until connections that are still open are no longer waited for, milliseconds. */
  shutdownTimeoutMs: number;
  /** Said in every answer, and kept with each journey that starts here; the kubelet sets HOSTNAME to it. */
  podName: string;
  defect: Defect | undefined;
  /** Where a defect writes down what it loses or doubles; nothing is written without it. */
  truthDir: string | undefined;
}

/** From SIGTERM on new connections are accepted at least this long, milliseconds: others may not have heard yet. */
export const SHUTDOWN_AT_LEAST_MS = 300;

/** Throws an Error that names the variable and what it may be. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const listen = env['LISTEN'] ?? `0.0.0.0:${env['PORT'] ?? '4500'}`;
  const [, host, port] = /^([^\s:]+):(\d{1,5})$/.exec(listen) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new Error(`LISTEN or PORT: expected host:port and a port, got "${listen}"`);
  return {
    host,
    port: Number(port),
    databaseUrl: required(env, 'DATABASE_URL', 'the URL of a PostgreSQL server'),
    apiKey: required(env, 'KALCIFER_API_KEY', 'the key that clients send as a bearer token'),
    statementTimeoutMs: milliseconds(env, 'KALCIFER_STATEMENT_TIMEOUT_MS', 2_000),
    shutdownTimeoutMs: milliseconds(env, 'KALCIFER_SHUTDOWN_TIMEOUT_MS', 30_000),
    podName: env['HOSTNAME'] || 'kalcifer',
    defect: defectOf(env['PROOFLOAD_DEFECT'] ?? ''),
    truthDir: env['PROOFLOAD_TRUTH_DIR'] || undefined,
  };
}

function required(env: Record<string, string | undefined>, name: string, what: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set; it must be ${what}`);
  return value;
}

function milliseconds(env: Record<string, string | undefined>, name: string, otherwise: number): number {
  const value = Number(env[name] || otherwise);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${name}: expected milliseconds above 0, got "${env[name]}"`);
}

function defectOf(text: string): Defect | undefined {
  if (text === '') return undefined;
  if (Object.hasOwn(DEFECTS, text)) return text as Defect;
  throw new Error(`PROOFLOAD_DEFECT: no defect "${text}"; there is: ${Object.keys(DEFECTS).join(', ')}`);
}
