/** A file of Prometheus rules as it stands: groups, rules, and what of it Prometheus would refuse. */
import type { Expr } from './promql.ts';

/** 1-based. */
export interface Place {
  line: number;
  column: number;
}

export interface Problem {
  place: Place;
  /** `alert HighErrors`, `group api`, or the file's name. */
  object: string;
  why: string;
  fix: string;
}

export interface Text extends Place {
  text: string;
}

export interface RuleEntry {
  file: string;
  kind: 'alert' | 'record';
  name: string;
  place: Place;
  group: RuleGroup;
  /** Null: PromQL that cannot be read; it is among the problems. */
  expr: Expr | null;
  exprText: string;
  /** Place of a character of the expression, in the file. */
  placeOf: (offset: number) => Place;
  forMs: number;
  /** Where `for` stands. */
  forPlace: Place;
  keepFiringForMs: number;
  labels: ReadonlyMap<string, Text>;
  annotations: ReadonlyMap<string, Text>;
}

export interface RuleGroup {
  name: string;
  /** Null: the global evaluation interval, which no rule file says. */
  intervalMs: number | null;
  labels: ReadonlyMap<string, Text>;
  rules: RuleEntry[];
}

export interface RuleFile {
  file: string;
  groups: RuleGroup[];
  /** Not loadable: unknown fields, bad durations. */
  problems: Problem[];
  /** PromQL that cannot be read. */
  unreadable: Problem[];
  /** Documents that hold no rules: `file:line`. */
  skipped: string[];
}
