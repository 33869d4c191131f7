/** The database that a URL stands for. */
import { clickhouse } from './clickhouse.ts';
import type { Database, DatabaseOptions } from './database.ts';
import { postgres } from './postgres.ts';

const DATABASES: Readonly<Record<string, (options: DatabaseOptions) => Database>> = {
  'postgres:': postgres,
  'postgresql:': postgres,
  'http:': clickhouse,
};

export function knowsStore(url: string): boolean {
  return URL.canParse(url) && Object.hasOwn(DATABASES, new URL(url).protocol);
}

/** Connects to nothing yet. Throws an Error for a URL that `knowsStore` does not know. */
export function databaseAt(options: DatabaseOptions): Database {
  const open = DATABASES[new URL(options.url).protocol];
  if (open === undefined) throw new Error('the store is neither postgres:// nor http://');
  return open(options);
}
