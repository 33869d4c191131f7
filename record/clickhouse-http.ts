/** ClickHouse over its HTTP interface (https://clickhouse.com/docs/interfaces/http). */
import { Agent, request } from 'undici';
import { z } from 'zod';

/** Longest answer that is read, bytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 2_000;
const SHOWN = 300;
/** TOO_MANY_SIMULTANEOUS_QUERIES: said before a statement begins. */
const TOO_MANY = '202';
const NO_ERROR = '0';
const NEVER_SENT = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * An answer that broke off is whole JSON with status 200, too: the rows until then, their number, and `exception`
 * (https://github.com/ClickHouse/ClickHouse/pull/52853).
 */
const JsonRows = z.object({
  data: z.array(z.unknown()),
  rows: z.number(),
  exception: z.string().optional(),
});

/** The statement has certainly not begun: nobody took the connection, or the server turned it away. */
export class NotBegun extends Error {}

export class ClickHouseHttp {
  readonly #url: URL;
  readonly #agent: Agent;

  /** Connects to nothing yet. @param connections at most, at a time; without it as many as there are statements under way */
  constructor(url: string | URL, connections?: number) {
    this.#url = new URL(url);
    this.#agent = new Agent({
      connect: { timeout: CONNECT_TIMEOUT_MS },
      keepAliveTimeout: 30_000,
      ...(connections !== undefined && { connections }),
    });
  }

  /** Resolves when the server answers; its engine is not asked. */
  async ping(timeoutMs: number): Promise<void> {
    await this.#ask('GET', new URL('/ping', this.#url), timeoutMs);
  }

  /**
   * Runs a statement that answers nothing; `rows` are the data of an insert. Rejects with NotBegun when it certainly had no effect, and with
   * any other Error when it may have had one. The time is from the connection to the end of the answer.
   */
  async run(sql: string, timeoutMs: number, rows?: Buffer): Promise<void> {
    const url = new URL(this.#url);
    if (rows !== undefined) url.searchParams.set('query', sql);
    await this.#ask('POST', url, timeoutMs, rows ?? sql);
  }

  /** The rows of a SELECT without FORMAT, each as the schema reads it; `{name:Type}` in it is bound to `parameters`. Rejects like `run`. */
  async select<T>(
    sql: string,
    row: z.ZodType<T>,
    timeoutMs: number,
    parameters: Readonly<Record<string, string | number>> = {},
  ): Promise<T[]> {
    const url = new URL(this.#url);
    for (const [name, value] of Object.entries(parameters))
      url.searchParams.set(`param_${name}`, String(value));
    const text = await this.#ask('POST', url, timeoutMs, `${sql} FORMAT JSONCompact`);
    const { data, rows, exception } = JsonRows.parse(JSON.parse(text));
    if (exception !== undefined)
      throw new Error(`clickhouse: broke off after ${data.length} rows: ${exception.slice(0, SHOWN).trim()}`);
    if (rows !== data.length) throw new Error(`clickhouse: gave ${data.length} rows, and counts ${rows}`);
    return z.array(row).parse(data);
  }

  /** At once, also with a statement under way, whose outcome then is unknown. */
  destroy(): void {
    void this.#agent.destroy();
  }

  async #ask(method: 'GET' | 'POST', url: URL, timeoutMs: number, body?: string | Buffer): Promise<string> {
    const answer = await request(url, {
      method,
      dispatcher: this.#agent,
      headersTimeout: timeoutMs,
      signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
      ...(body === undefined ? {} : { body }),
    }).catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      throw NEVER_SENT.has(code) ? new NotBegun(`clickhouse: ${code}`, { cause: error }) : error;
    });
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of answer.body) {
      const bytes = chunk as Buffer;
      sizeBytes += bytes.length;
      if (sizeBytes > MAX_ANSWER_BYTES)
        throw new Error(`clickhouse: an answer of more than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(bytes);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    const code = answer.headers['x-clickhouse-exception-code'] ?? NO_ERROR;
    if (answer.statusCode === 200 && code === NO_ERROR) return text;
    const why = answer.statusCode === 200 ? `with exception code ${String(code)} ` : '';
    const said = `clickhouse: HTTP ${answer.statusCode} ${why}${text.slice(0, SHOWN).trim()}`;
    throw code === TOO_MANY ? new NotBegun(said) : new Error(said);
  }
}
