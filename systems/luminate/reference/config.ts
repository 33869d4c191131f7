/** The server's settings, from its environment. */
import { knowsStore } from './databases.ts';
import { DEFECTS } from './defects.ts';
import type { Defect } from './defects.ts';

export interface Config {
  host: string;
  port: number;
  storeUrl: string;
  jwtSecret: string;
  /** Longest a statement may take before its writes are answered 503, milliseconds. */
  storeTimeoutMs: number;
  /** From SIGTERM until connections that are still open are no longer waited for, milliseconds. */
  shutdownTimeoutMs: number;
  /** From SIGTERM on, at least this long new connections are accepted, even if none is open, milliseconds: others may not have heard yet. */
  shutdownAtLeastMs: number;
  /** Metrics per second of one tenant in this process, 0 = no limit. */
  tenantMetricsPerS: number;
  /** Said in every answer, so that a client's record can name the pod; the kubelet sets HOSTNAME to it. Undefined = nothing is said. */
  podName: string | undefined;
  /** In PostgreSQL bodies are kept at least this long, milliseconds; the same for all processes of one store. Identities are kept for ever. */
  bodyKeepMs: number;
  defect: Defect | undefined;
}

/** Throws an Error that names the variable and what it may be. */
export function readConfig(env: Record<string, string | undefined>): Config {
  return {
    ...readAddress(env['LISTEN'] ?? '0.0.0.0:8080'),
    storeUrl: readStoreUrl(env),
    jwtSecret: required(env, 'LUMINATE_AUTH_JWT_SECRET', 'the secret that tokens are signed with'),
    storeTimeoutMs: number(env, 'LUMINATE_STORE_TIMEOUT_MS', 1_000, 1),
    shutdownTimeoutMs: number(env, 'LUMINATE_SHUTDOWN_TIMEOUT_MS', 10_000, 0),
    shutdownAtLeastMs: number(env, 'LUMINATE_SHUTDOWN_AT_LEAST_MS', 300, 0),
    tenantMetricsPerS: number(env, 'LUMINATE_TENANT_METRICS_PER_S', 0, 0),
    bodyKeepMs: number(env, 'LUMINATE_BODY_KEEP_MS', 300_000, 10_000),
    podName: env['HOSTNAME'] || undefined,
    defect: readDefect(env['PROOFLOAD_DEFECT'] ?? ''),
  };
}

function required(env: Record<string, string | undefined>, name: string, what: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set; it must be ${what}`);
  return value;
}

/** Its secrets are not shown. */
function readStoreUrl(env: Record<string, string | undefined>): string {
  const what = 'postgres://... or, for ClickHouse over HTTP, http://host:8123';
  const url = required(env, 'LUMINATE_STORE_URL', what);
  if (!knowsStore(url)) throw new Error(`LUMINATE_STORE_URL: expected ${what}`);
  return url;
}

function number(
  env: Record<string, string | undefined>,
  name: string,
  otherwise: number,
  least: number,
): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`${name}: expected a whole number of at least ${least}, got "${text}"`);
  return value;
}

function readAddress(text: string): { host: string; port: number } {
  const match = /^([^\s:]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535)
    throw new Error(`LISTEN: expected host:port, e.g. 127.0.0.1:8080, got "${text}"`);
  return { host: match[1], port };
}

function readDefect(text: string): Defect | undefined {
  if (text === '') return undefined;
  if (isDefect(text)) return text;
  throw new Error(`PROOFLOAD_DEFECT: no defect "${text}"; there is: ${Object.keys(DEFECTS).join(', ')}`);
}

function isDefect(text: string): text is Defect {
  return Object.hasOwn(DEFECTS, text);
}
