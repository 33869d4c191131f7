/**
 * What was asked of a Prometheus and what it answered, so that judging stays a pure function: a judgement that lacks an answer notes its question
 * and goes on without it; whoever asks answers the open questions and has it judged again, until none is left.
 */
export type Question =
  | { kind: 'query'; expr: string }
  /** Values of a label among the series of a selector, in the last hours. */
  | { kind: 'values'; label: string; selector: string }
  /** As Prometheus itself would write the expression. */
  | { kind: 'format'; expr: string };

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

export interface Result {
  samples: Sample[];
  warnings: string[];
  infos: string[];
}

export type Answer =
  | { kind: 'result'; result: Result }
  | { kind: 'values'; values: string[] }
  | { kind: 'text'; text: string }
  /** The expression cannot be evaluated: asking again would not help. */
  | { kind: 'refused'; why: string }
  /** Nothing is known: no answer in time, too long a one. */
  | { kind: 'unanswered'; why: string };

export function keyOf(question: Question): string {
  return JSON.stringify(question);
}

export class Inquiry {
  readonly #answers: ReadonlyMap<string, Answer>;
  /** Asked for and not answered yet. */
  readonly open = new Map<string, Question>();
  /** Why some of what was asked for will not be known. */
  readonly unanswered = new Set<string>();

  /** `answers` by `keyOf`. */
  constructor(answers: ReadonlyMap<string, Answer>) {
    this.#answers = answers;
  }

  /** Null: not known, or refused. */
  query(expr: string): Result | null {
    const answer = this.#answer({ kind: 'query', expr });
    return answer?.kind === 'result' ? answer.result : null;
  }

  /** Why an expression cannot be evaluated; null: it can be, or nothing is known. */
  refusal(expr: string): string | null {
    const answer = this.#answer({ kind: 'query', expr });
    return answer?.kind === 'refused' ? answer.why : null;
  }

  /** Number of series; null as above. */
  count(expr: string): number | null {
    // On lines of its own: the text may end in a comment.
    const result = this.query(`count(\n${expr}\n)`);
    const [sample] = result?.samples ?? [];
    if (result === null || sample !== undefined) return sample?.value ?? null;
    // Thanos and remote storage warn where a part of the data could not be asked: that nothing was found there says nothing.
    const [warning] = result.warnings;
    if (warning === undefined) return 0;
    this.unanswered.add(`Prometheus found no series, and warned: ${warning}`);
    return null;
  }

  /** The value of an expression of one series; null: there is none, or as above. */
  value(expr: string): number | null {
    return this.query(expr)?.samples[0]?.value ?? null;
  }

  values(label: string, selector: string): string[] | null {
    const answer = this.#answer({ kind: 'values', label, selector });
    return answer?.kind === 'values' ? answer.values : null;
  }

  format(expr: string): string | null {
    const answer = this.#answer({ kind: 'format', expr });
    return answer?.kind === 'text' ? answer.text : null;
  }

  #answer(question: Question): Answer | undefined {
    const key = keyOf(question);
    const answer = this.#answers.get(key);
    if (answer === undefined) this.open.set(key, question);
    else if (answer.kind === 'unanswered') this.unanswered.add(answer.why);
    return answer;
  }
}
