/**
 * The live view: on a terminal one block redrawn in place below a log of what happened, elsewhere the log alone.
 * Meant for stderr: stdout belongs to the report.
 */
import { createLogUpdate } from 'log-update';
import { formatDuration } from '../record/duration.ts';
import type { Plan } from '../record/model.ts';
import { followEvent, followSecond, newState } from './live-state.ts';
import { block, eventLine, progressLine } from './live-text.ts';
import type { RunObserver } from './observer.ts';

const REDRAW_MS = 250;
const PROGRESS_LINE_MS = 10_000;

export interface LiveViewOptions {
  plan: Plan;
  stream: NodeJS.WritableStream;
  isTTY: boolean;
  /** A monotonic clock, milliseconds from any zero: the events tell how far it is from the run's own. */
  now: () => number;
}

/** The run's clock, learnt from its events: one that comes late shows too small a distance, so the largest counts. */
function runClock(now: () => number): { nowMs(): number; learn(atMs: number): void } {
  let offsetMs: number | null = null;
  return {
    nowMs: () => (offsetMs === null ? 0 : now() + offsetMs),
    learn(atMs) {
      offsetMs = Math.max(offsetMs ?? Number.NEGATIVE_INFINITY, atMs - now());
    },
  };
}

/** Starts to show at once; `end` leaves the last state standing and is safe to call twice. */
export function createLiveView(options: LiveViewOptions): RunObserver & { end(): void } {
  // A reader of this stream that goes away (`2>&1 | head`) must not take the run down.
  options.stream.on('error', () => {});
  return options.isTTY ? redrawn(options) : logged(options);
}

function redrawn({ plan, stream, now }: LiveViewOptions): RunObserver & { end(): void } {
  const state = newState(plan);
  const clock = runClock(now);
  // The cursor stays visible: hiding it needs exit hooks, and a killed harness would leave the terminal without one.
  const log = createLogUpdate(stream, { showCursor: true });
  let lines: string[] = [];
  let ended = false;
  const draw = () => {
    if (lines.length > 0) log.persist(lines.join('\n'));
    lines = [];
    log(block(state, clock.nowMs()).join('\n'));
  };
  // Redrawing on a timer alone bounds the work, however fast events come.
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  return {
    event(event) {
      clock.learn(event.at);
      followEvent(state, event);
      const line = eventLine(event);
      // Phases are in the block.
      if (line !== null && event.kind !== 'phase') lines.push(stamped(event.at, line));
    },
    progress: (second) => followSecond(state, second),
    end() {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      draw();
      log.done();
    },
  };
}

function logged({ plan, stream, now }: LiveViewOptions): RunObserver & { end(): void } {
  const state = newState(plan);
  const clock = runClock(now);
  let saidMs = Number.NEGATIVE_INFINITY;
  const say = (atMs: number, line: string) => stream.write(`${stamped(atMs, line)}\n`);
  return {
    event(event) {
      clock.learn(event.at);
      followEvent(state, event);
      const line = eventLine(event);
      if (line !== null) say(event.at, line);
    },
    progress(second) {
      followSecond(state, second);
      const nowMs = clock.nowMs();
      const line = nowMs - saidMs >= PROGRESS_LINE_MS ? progressLine(state, nowMs) : null;
      if (line === null) return;
      saidMs = nowMs;
      say(nowMs, line);
    },
    end() {},
  };
}

function stamped(atMs: number, line: string): string {
  const time = atMs < 1_000 ? '0s' : formatDuration(atMs);
  return `${time.padStart(8)}  ${line}`;
}
