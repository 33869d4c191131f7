/** ClickHouse over its HTTP interface. */
import { Agent, request } from 'undici';
import { z } from 'zod';

const CONNECT_TIMEOUT_MS = 2_000;
/** Longest answer that is read, bytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const SHOWN = 300;

const JsonRows = z.object({ data: z.array(z.unknown()) });

export type Parameters = Readonly<Record<string, string | number>>;

export class ClickHouse {
  readonly #url: URL;
  readonly #timeoutMs: number;
  readonly #agent = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS }, keepAliveTimeout: 30_000 });

  /** @param timeoutMs of one statement, from its connection to the end of its answer */
  constructor(url: URL, timeoutMs: number) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
  }

  /** Runs a statement that answers nothing. Rejects like `select`. */
  async run(sql: string): Promise<void> {
    await this.#ask({}, sql);
  }

  /** Rejects when the server does not say that everything is written; then it may be or not. */
  async insert(sql: string, rows: Buffer): Promise<void> {
    await this.#ask({ query: sql }, rows);
  }

  /**
   * The rows of a SELECT without FORMAT, each as the schema reads it. `{name:Type}` in it is bound to `parameters`. Rejects when the server
   * refuses, does not answer in time, or answers something else.
   */
  async select<T>(sql: string, row: z.ZodType<T>, parameters: Parameters = {}): Promise<T[]> {
    const bound = Object.entries(parameters).map(([name, value]) => [`param_${name}`, String(value)]);
    const text = await this.#ask(Object.fromEntries(bound), `${sql} FORMAT JSONCompact`);
    return z.array(row).parse(JsonRows.parse(JSON.parse(text)).data);
  }

  close(): void {
    void this.#agent.destroy();
  }

  async #ask(query: Record<string, string>, body: string | Buffer): Promise<string> {
    const answer = await request(this.#url, {
      method: 'POST',
      query,
      body,
      dispatcher: this.#agent,
      headersTimeout: this.#timeoutMs,
      signal: AbortSignal.timeout(this.#timeoutMs),
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
    if (answer.statusCode !== 200)
      throw new Error(`clickhouse: HTTP ${answer.statusCode} ${text.slice(0, SHOWN).trim()}`);
    return text;
  }
}
