/** Schemas that never refuse: what is not of its type is absent. A lint judges what it understands of an object and leaves the rest alone. */
import { z } from 'zod';

export const text = z.string().optional().catch(undefined);
export const number = z.number().optional().catch(undefined);
export const flag = z.boolean().optional().catch(undefined);
/** A number or a text, as text: quantities, amounts, ports, values of `env`. */
export const scalar = z
  .union([z.string(), z.number(), z.boolean()])
  .transform(String)
  .optional()
  .catch(undefined);

/** Strings by name; what is none is ''. */
export const strings = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String).catch(''))
  .catch({});

/** A map whose fields are all lenient; empty where there is none. */
export function map<S extends z.ZodRawShape>(shape: S) {
  const schema = z.object(shape);
  return schema.catch(() => schema.parse({}));
}

/** The same, absent where there is none. */
export function maybe<S extends z.ZodRawShape>(shape: S) {
  return z.object(shape).optional().catch(undefined);
}

/** Items keep their places, so that a path leads to the right one. */
export function list<T extends z.ZodType>(item: T) {
  return z.array(item).catch([]);
}
