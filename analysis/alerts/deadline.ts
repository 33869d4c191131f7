/** What is expected of an alert for one fault, with every term by its name. */
import { formatDuration } from '../../record/duration.ts';
import type { Delays, Span } from './timing.ts';

/** A part of a deadline: the first is a point in time, the others are lengths. */
export interface Term extends Span {
  name: string;
}

/** The sum of its terms. */
export interface Deadline extends Span {
  terms: readonly Term[];
}

export interface Deadlines {
  /** must: it fires whatever the phases of scrapes and evaluations. may: they decide. never: firing would be wrong. */
  firing: 'must' | 'may' | 'never';
  why: string;
  /** Null: it does not fire. */
  fire: Deadline | null;
  /** Of an alert that fired. Null: it does not fire, or not within what is known of the load. */
  resolve: Deadline | null;
  /** A fault of this length fires, whatever the phases. Null: none does, or it depends on traffic that is not known. */
  minimumFaultMs: number | null;
  /** All that has a part in it: from the start of the first window that the fault touches to the last moment it can be seen. */
  concerns: Span;
}

export function noDeadlines(why: string, concerns: Span): Deadlines {
  return { firing: 'never', why, fire: null, resolve: null, minimumFaultMs: null, concerns };
}

export function term(name: string, fromMs: number, toMs: number): Term {
  return { name, fromMs, toMs };
}

/** The first term is always said, the others where they are not nothing. */
export function deadlineOf(terms: readonly Term[]): Deadline {
  const said = terms.filter(({ fromMs, toMs }, i) => i === 0 || fromMs !== 0 || toMs !== 0);
  const total = (end: keyof Span) => said.reduce((ms, found) => ms + found[end], 0);
  return { fromMs: total('fromMs'), toMs: total('toMs'), terms: said };
}

/** What delays firing and resolving alike. */
export function delayTerms({ countedLateMs, scrapeDurationMs, evaluationDurationMs }: Delays): Term[] {
  return [
    term('the request is counted when it ends', 0, countedLateMs),
    term('the scrape takes', 0, scrapeDurationMs),
    term('the evaluation takes', 0, evaluationDurationMs),
  ];
}

/** Of firing alone. */
export function firstIncrementTerm({ seriesCreatedByFault }: Delays, scrapeIntervalMs: number): Term {
  return term('the first increment is invisible', 0, seriesCreatedByFault ? scrapeIntervalMs : 0);
}

/** `5m14s..5m45s = the fault starts 0ms + for 5m + ...`: how it came to be. */
export function deadlineText({ terms, ...whole }: Deadline): string {
  return `${spanText(whole)} = ${terms.map((part) => `${part.name} ${spanText(part)}`).join(' + ')}`;
}

function spanText({ fromMs, toMs }: Span): string {
  const words = [fromMs, toMs].map((ms) => (ms < 0 ? `-${formatDuration(-ms)}` : formatDuration(ms)));
  return words[0] === words[1] ? (words[0] ?? '') : words.join('..');
}
