/**
 * Many requests, few transactions: while some are committed the next group gathers; nobody lingers to make a group larger. What is submitted
 * is settled only after its COMMIT, or rejected when that failed: then nobody knows whether it happened.
 */
export interface GroupCommitOptions<T, R> {
  /** Groups under way at once. */
  lanes: number;
  maxGroup: number;
  /** More than this are refused at once. */
  maxWaiting: number;
  /** In one transaction; one result for each, in order. */
  commit(group: T[]): Promise<R[]>;
}

/** Certainly without effect. */
export class TooBusy extends Error {
  override readonly name = 'TooBusy';
}

interface Waiting<T, R> {
  item: T;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
}

export class GroupCommit<T, R> {
  readonly #options: GroupCommitOptions<T, R>;
  #waiting: Waiting<T, R>[] = [];
  #busy = 0;

  constructor(options: GroupCommitOptions<T, R>) {
    this.#options = options;
  }

  submit(item: T): Promise<R> {
    if (this.#waiting.length >= this.#options.maxWaiting)
      return Promise.reject(new TooBusy(`more than ${this.#options.maxWaiting} requests are waiting`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#busy < this.#options.lanes) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#busy += 1;
    // What arrives in the same turn of the event loop goes into the same group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#options.maxGroup);
      try {
        const results = await this.#options.commit(group.map(({ item }) => item));
        for (const [index, { resolve, reject }] of group.entries()) {
          const result = results[index];
          if (result === undefined) reject(new Error('a group was committed without a result for each'));
          else resolve(result);
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#busy -= 1;
  }
}
