/** What was seen of one alert, and what was not. Times on the clock of the faults. */
import type { EventOf } from '../../record/model.ts';
import type { Span } from './timing.ts';

/** One time that the alert fired. Each change lies between the last look before it and the first after it. */
export interface Firing {
  firedMs: Span;
  /** Null: still firing at the end of what was watched. */
  resolvedMs: Span | null;
}

/** Something that makes the alert's own times different from its rule's: it says nothing while it lasts. */
export interface Gap extends Span {
  what: EventOf<'alert.blind'>['what'];
}

export interface ObservedAlert {
  name: string;
  /** Nothing is known of before and after. */
  watched: Span;
  /** In order. */
  firings: readonly Firing[];
  /** For a rule on `up`, the scrapes that fail because of the fault are none. */
  gaps: readonly Gap[];
  /** As `/api/v1/rules` says it; an evaluation that fails leaves the alert as it is. */
  health: 'ok' | 'err' | 'unknown';
  lastError: string;
  /** When the rule's own expression had a result, by a range query over it. Null: that was not asked. */
  conditionHeld: readonly Span[] | null;
}
