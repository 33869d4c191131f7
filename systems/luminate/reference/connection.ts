/**
 * One connection to PostgreSQL that cannot hang: whatever takes longer than allowed ends with its socket destroyed, since a store
 * that is cut off answers nothing, refuses nothing, and a polite goodbye would wait for it too.
 */
import net from 'node:net';
import { Client } from 'pg';
import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';

/** Lets the server notice within seconds that a client behind a cut is gone. */
const KEEP_ALIVE = '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3';

export class Connection {
  /** Set for good when the connection has ended, whoever ended it. */
  lost: Error | undefined;
  /** Called once when it ends. */
  onLost: (() => void) | undefined;
  readonly #client: Client;
  readonly #socket = new net.Socket();

  private constructor(url: string, statementTimeoutMs: number) {
    this.#client = new Client({
      connectionString: url,
      stream: () => this.#socket,
      statement_timeout: statementTimeoutMs,
      options: KEEP_ALIVE,
      application_name: 'luminate',
    });
    // A client without a listener for errors takes the whole process down when its server dies.
    this.#client.on('error', (error) => this.#end(error));
    this.#client.on('end', () => this.#end(new Error('the store closed the connection')));
  }

  /** A session whose statements the server itself ends after the time, milliseconds. Rejects, with nothing left open, when there is none by then. */
  static async open(url: string, timeoutMs: number): Promise<Connection> {
    const connection = new Connection(url, timeoutMs);
    await connection.#within(timeoutMs, connection.#client.connect());
    return connection;
  }

  /** Rejects when the store refuses or does not answer in time, milliseconds; either way the connection is gone then. */
  query<R extends QueryResultRow>(query: QueryConfig, timeoutMs: number): Promise<QueryResult<R>> {
    return this.#within(timeoutMs, this.#client.query<R>(query));
  }

  /** At once, also with a statement under way, whose outcome then is unknown. */
  destroy(): void {
    this.#end(new Error('closed'));
  }

  async #within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#end(new Error(`no answer from the store in ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return await work; // the end of the socket rejects it
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      throw this.lost ?? error;
    } finally {
      clearTimeout(timer);
    }
  }

  #end(error: Error): void {
    if (this.lost !== undefined) return;
    this.lost = error;
    this.#socket.destroy();
    this.onLost?.();
  }
}
