/** Failed requests by cause. */
import type { Attributed } from './failure.ts';

/** Of each cause. */
const NAMED = 3;

/** Requests of one kind: all counted by cause, the first of each cause named. */
export class Failures {
  count = 0;
  readonly byCause = new Map<Attributed['cause'], { count: number; first: NamedFailure[] }>();

  add(failure: NamedFailure): void {
    this.count += 1;
    const group = this.byCause.get(failure.cause) ?? { count: 0, first: [] };
    this.byCause.set(failure.cause, group);
    group.count += 1;
    if (group.first.length < NAMED) group.first.push(failure);
  }
}

export interface NamedFailure extends Attributed {
  /** `runner/vu:n` */
  id: string;
  atMs: number;
}
