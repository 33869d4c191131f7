/** Prometheus tells wall-clock times; the record has the run's own clock. Anchors between the two are taken again and again, since the wall clock may step. */

/** The clocks drift by less between two anchors; a wall clock that was set moves further, milliseconds. */
const STEP_MS = 20;

export interface Anchor {
  atMs: number;
  wallMs: number;
}

export interface WallClock {
  /** Takes an anchor, now. */
  anchor(): void;
  /** Milliseconds of the run for milliseconds since the Unix epoch; good to a millisecond where the clock did not step. */
  toRunMs(wallMs: number): number;
  toWallMs(runMs: number): number;
  /** Stretches of the run in which the wall clock was set: times of these cannot be told. */
  steps(): { fromMs: number; toMs: number; byMs: number }[];
}

export function wallClock(nowMs: () => number, wallNowMs: () => number = Date.now): WallClock {
  const take = (): Anchor => ({ atMs: nowMs(), wallMs: wallNowMs() });
  const anchors: [Anchor, ...Anchor[]] = [take()];
  const steps: { fromMs: number; toMs: number; byMs: number }[] = [];
  /** The newest that is not later: what was told then, was told by that clock. */
  const before = (is: (anchor: Anchor) => boolean) => anchors.findLast(is) ?? anchors[0];
  return {
    anchor() {
      const next = take();
      const last = anchors.at(-1) ?? anchors[0];
      const byMs = next.wallMs - last.wallMs - (next.atMs - last.atMs);
      if (Math.abs(byMs) >= STEP_MS) steps.push({ fromMs: last.atMs, toMs: next.atMs, byMs });
      anchors.push(next);
    },
    toRunMs(wallMs) {
      const near = before((anchor) => anchor.wallMs <= wallMs);
      return Math.round((near.atMs + (wallMs - near.wallMs)) * 10) / 10;
    },
    toWallMs(runMs) {
      const near = before((anchor) => anchor.atMs <= runMs);
      return near.wallMs + (runMs - near.atMs);
    },
    steps: () => steps,
  };
}
