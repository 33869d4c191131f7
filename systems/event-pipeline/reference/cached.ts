/** Answers that are kept for a while. Of a failed question nothing is kept. */
const MAX_KEPT = 1_000;

export class Cached<T> {
  readonly #keepMs: number;
  readonly #kept = new Map<string, { answer: T; untilMs: number }>();

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  async get(question: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(question);
    if (known !== undefined && known.untilMs > performance.now()) return known.answer;
    const answer = await ask();
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(question, { answer, untilMs: performance.now() + this.#keepMs });
    return answer;
  }
}
