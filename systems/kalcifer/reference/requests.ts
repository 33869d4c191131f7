/** What a request may say, and how answers look. */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { Graph } from './graph.ts';

/** The code's limit (Plug.Parsers). */
const MAX_BODY_BYTES = 8_000_000;

const object = z.record(z.string(), z.unknown());
const nothing = object.refine(
  (given) => Object.keys(given).length === 0,
  'is not played by the reference system; leave it out',
);

export const NewFlow = z.object({
  name: z.string().min(1).max(255),
  description: z.string().max(10_000).nullish(),
  entry_config: object.optional(),
  exit_criteria: nothing.optional(),
  frequency_cap: nothing.optional(),
});
export const NewVersion = z.object({ graph: Graph, changelog: z.string().max(10_000).nullish() });
export const NewJourney = z.object({ customer_id: z.string().min(1).max(255), context: object.default({}) });
export const NewEvent = z.object({
  customer_id: z.string().min(1).max(255),
  event_type: z.string().min(1).max(255),
  data: object.default({}),
});

export interface Answer {
  status: number;
  body: string;
  type?: string;
}

export function json(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value) };
}

export function problem(status: number, error: string): Answer {
  return json(status, { error });
}

/** A request that is answered without doing what it asks for. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly answer: Answer;
  constructor(answer: Answer) {
    super(answer.body);
    this.answer = answer;
  }
}

/** The request's body by its schema; an empty one counts as {}. Throws Refused with `status` for what does not fit it. */
export async function read<T>(request: IncomingMessage, schema: z.ZodType<T>, status: 400 | 422): Promise<T> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES)
      throw new Refused(problem(413, `the body is larger than ${MAX_BODY_BYTES} bytes`));
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = size === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Refused(problem(400, 'the body is no JSON'));
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues
    .slice(0, 20)
    .map(({ path, message }) => `${path.map(String).join('.')}: ${message}`);
  throw new Refused(json(status, { errors }));
}
