/** What the lint of rules finds. */
import type { Place } from './rule-file.ts';

/**
 * error: it cannot work as written, whatever the data. warning: it does not do what its text says as soon as something ordinary is the case, or
 * under an assumption that the finding states. info: worth knowing, often meant so; not counted.
 */
export type Severity = 'error' | 'warning' | 'info';

export interface Finding {
  file: string;
  place: Place;
  /** `alert HighErrors` */
  object: string;
  /** What follows from it; one or two sentences. */
  why: string;
  /** What to write instead. */
  fix: string;
  /** What the text alone does not say and has to be true; the finding is then a warning at most. */
  assuming?: string | undefined;
}
