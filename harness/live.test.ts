import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Event } from '../record/model.ts';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { createLiveView } from './live.ts';
import { followEvent, followSecond, newState } from './live-state.ts';
import { block, eventLine, progressLine } from './live-text.ts';

const pod = (uid: string, state: Extract<Event, { kind: 'pod' }>['state'], at = 0): Event => ({
  at,
  kind: 'pod',
  pod: `luminate-${uid}`,
  uid,
  state,
});

const load: Event = {
  at: 20_000,
  kind: 'load.started',
  runner: 'load',
  wallMs: 0,
  ratePerS: 200,
  pointsPerWrite: 50,
  vus: 20,
  warmupMs: 5_000,
  forMs: 120_000,
  judged: true,
};

/** A run until the kill of one pod is seen. */
const EVENTS: Event[] = [
  { at: 0, kind: 'run.started', runId: 'sample-1', wallMs: 0 },
  { at: 0, kind: 'phase', phase: 'deploy' },
  pod('a', 'ready', 4_000),
  pod('b', 'ready', 4_100),
  pod('c', 'ready', 4_200),
  { at: 10_000, kind: 'phase', phase: 'baseline' },
  load,
  { at: 49_000, kind: 'host', busy: 0.78, foreign: 0, steal: 0, cores: {}, rssMb: {}, diskFreeMb: 9_000 },
  { at: 50_000, kind: 'phase', phase: 'disturb' },
  {
    at: 50_000,
    kind: 'fault.intent',
    fault: 'kill',
    targets: ['luminate-a'],
    detail: 'pod-kill, 1 of 3 pods',
  },
  { at: 50_100, kind: 'fault.injected', fault: 'kill' },
  pod('a', 'sigkill', 50_100),
  {
    at: 50_200,
    kind: 'fault.proof',
    fault: 'kill',
    saw: 'acting',
    notBeforeMs: 50_000,
    detail: 'pid 4711 is gone',
  },
];

const SECOND = { acked: 198, failed: 1, unknown: 1, p99Ms: 45.4 };

function played(events: readonly Event[]) {
  const state = newState(SAMPLE_PLAN);
  for (const event of events) followEvent(state, event);
  return state;
}

function readyAfter(...states: Extract<Event, { kind: 'pod' }>['state'][]): string | undefined {
  return block(played(states.map((state) => pod('a', state))), 0).find((line) => line.startsWith('replicas'));
}

describe('the block', () => {
  it('shows phases, load, replicas, the running fault and what comes next', () => {
    const state = played(EVENTS);
    followSecond(state, SECOND);
    followSecond(state, SECOND);
    expect(block(state, 62_000).join('\n')).toMatchInlineSnapshot(`
      "pod-loss  sample-1  1m2s elapsed
      phases    deploy 10s, baseline 40s, > disturb 12s
      load      200 writes/s offered, 198 acknowledged/s, 9,900 points/s, p99 45 ms
      errors    1 failed/s, 1 unknown/s
      so far    396 acknowledged, 2 failed, 2 unknown
      replicas  2 of 3 ready
      fault     kill on luminate-a: acting for 12s
      next      cut in 18s
      machine   78 % busy"
    `);
  });

  it('adds up the rates of several runners, and goes on until the last of them has ended', () => {
    const started = ['load-1', 'load-2', 'load-3'].map((runner): Event => ({ ...load, runner }));
    const state = played([...EVENTS.filter((event) => event !== load), ...started]);
    followSecond(state, { ...SECOND, acked: 600 });
    const offered = 'load      600 writes/s offered, 600 acknowledged/s, 30,000 points/s, p99 45 ms';
    expect(block(state, 62_000)).toContain(offered);
    const end = { exitCode: 0, signal: null, iterations: 1, dropped: 0, why: '' };
    for (const runner of ['load-2', 'load-1', 'load-3']) {
      expect(block(state, 62_000)).toContain(offered);
      followEvent(state, { at: 141_000, kind: 'load.ended', runner, ...end });
    }
    expect(block(state, 142_000)).toContain('load      600 writes/s offered, nothing measured now');
  });

  it('has no latency where nothing was acknowledged', () => {
    const state = played(EVENTS);
    followSecond(state, { acked: 0, failed: 180, unknown: 20, p99Ms: null });
    expect(block(state, 62_000)).toContain('load      200 writes/s offered, 0 acknowledged/s, 0 points/s');
    expect(block(state, 62_000)).toContain('errors    180 failed/s, 20 unknown/s');
  });

  it('shows a run of which nothing is known yet', () => {
    expect(block(newState(SAMPLE_PLAN), 0).join('\n')).toMatchInlineSnapshot(`
      "pod-loss  sample-1  0s elapsed
      phases    starting
      replicas  0 of 3 ready"
    `);
  });

  it('drops a fault that is over, counts down to the end of the load, then to nothing', () => {
    const state = played([
      ...EVENTS,
      { at: 51_000, kind: 'fault.proof', fault: 'kill', saw: 'gone', notBeforeMs: 50_900, detail: '' },
      { at: 80_000, kind: 'fault.failed', fault: 'cut', why: 'no time left' },
    ]);
    const text = block(state, 100_000).join('\n');
    expect(text).not.toMatch(/^fault /m);
    expect(text).toContain('next      the load ends in 40s');
    expect(block(state, 140_001).join('\n')).toContain('the load ends, due now');
    followEvent(state, {
      at: 141_000,
      kind: 'load.ended',
      runner: 'load',
      exitCode: 0,
      signal: null,
      iterations: 1,
      dropped: 0,
      why: '',
    });
    expect(block(state, 142_000).join('\n')).not.toMatch(/^next /m);
    expect(block(state, 142_000).join('\n')).toContain(
      'load      200 writes/s offered, nothing measured now',
    );
  });

  it('counts a pod as ready from its readiness until it is unready, killed or gone', () => {
    expect(readyAfter('created', 'started')).toContain('0 of 3');
    expect(readyAfter('created', 'ready')).toContain('1 of 3');
    expect(readyAfter('ready', 'sigterm')).toContain('1 of 3');
    expect(readyAfter('started', 'sigterm')).toContain('0 of 3');
    expect(readyAfter('ready', 'unready')).toContain('0 of 3');
    expect(readyAfter('ready', 'terminating', 'sigterm')).toContain('0 of 3');
    expect(readyAfter('ready', 'exited')).toContain('0 of 3');
    expect(readyAfter('ready', 'deleted')).toContain('0 of 3');
  });
});

describe('lines', () => {
  it('names many targets briefly, and shows control characters instead of sending them', () => {
    const targets = Array.from({ length: 50 }, (_, index) => `pod-${index}\u001b[2J`);
    const line = eventLine({ at: 0, kind: 'fault.intent', fault: 'kill', targets, detail: 'all' });
    expect(line).toContain('pod-3\\u{1b}[2J and 46 more');
    expect(line).not.toContain('\u001b');
  });

  it('has none for what happens every second', () => {
    expect(EVENTS.filter((event) => eventLine(event) === null).map(({ kind }) => kind)).toEqual([
      'pod',
      'pod',
      'pod',
      'load.started',
      'host',
      'pod',
    ]);
  });

  it('has no progress to report before the judged load was measured', () => {
    expect(progressLine(played(EVENTS), 60_000)).toBeNull();
  });
});

/** A stream that keeps what it is given. */
function recorder(columns?: number): { stream: PassThrough & { columns?: number }; text: () => string } {
  const stream: PassThrough & { columns?: number } = new PassThrough();
  if (columns !== undefined) stream.columns = columns;
  const chunks: string[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
  return { stream, text: () => chunks.join('') };
}

describe('the view', () => {
  // The view's clock started long before the run: it has to learn the distance from the events.
  let clockMs = 0;
  const now = () => clockMs + 5_000_000;

  beforeEach(() => {
    clockMs = 0;
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('writes plain lines where there is no terminal, one progress line every ten seconds', () => {
    const { stream, text } = recorder();
    const view = createLiveView({ plan: SAMPLE_PLAN, stream, isTTY: false, now });
    for (const event of EVENTS) {
      clockMs = event.at;
      view.event(event);
    }
    for (let second = 0; second < 25; second++) {
      clockMs += 1_000;
      view.progress(SECOND);
    }
    view.event({ at: 80_000, kind: 'run.ended', interrupted: true });
    view.end();
    expect(text()).toMatchInlineSnapshot(`
      "      0s  run sample-1
            0s  phase deploy
           10s  phase baseline
           50s  phase disturb
           50s  fault kill: pod-kill, 1 of 3 pods; on luminate-a
           50s  fault kill: injected
           50s  fault kill: its probe saw it acting: pid 4711 is gone
           51s  198 acknowledged/s, 9,900 points/s, p99 45 ms, 1 failed/s, 1 unknown/s; so far 198 acknowledged, 1 failed, 1 unknown; 2 of 3 replicas ready; cut in 29s
          1m1s  198 acknowledged/s, 9,900 points/s, p99 45 ms, 1 failed/s, 1 unknown/s; so far 2,178 acknowledged, 11 failed, 11 unknown; 2 of 3 replicas ready; cut in 19s
         1m11s  198 acknowledged/s, 9,900 points/s, p99 45 ms, 1 failed/s, 1 unknown/s; so far 4,158 acknowledged, 21 failed, 21 unknown; 2 of 3 replicas ready; cut in 9s
         1m20s  run ended: interrupted
      "
    `);
    expect(text()).not.toContain('\u001b');
  });

  it('redraws a terminal at most four times a second, however many events come', () => {
    const { stream, text } = recorder(100);
    const view = createLiveView({ plan: SAMPLE_PLAN, stream, isTTY: true, now });
    for (const event of EVENTS) view.event(event);
    clockMs = 50_200;
    for (let index = 0; index < 1_000; index++)
      view.event(pod('b', index % 2 === 0 ? 'unready' : 'ready', 50_200));
    expect(text()).toBe('');
    vi.advanceTimersByTime(1_000);
    const draws = text().split('sample-1  ').length - 1;
    expect(draws).toBeGreaterThan(0);
    expect(draws).toBeLessThanOrEqual(4);
    view.end();
  });

  it('keeps what happened above the block, and leaves the last state standing', () => {
    const { stream, text } = recorder(100);
    const view = createLiveView({ plan: SAMPLE_PLAN, stream, isTTY: true, now });
    for (const event of EVENTS) {
      clockMs = event.at;
      view.event(event);
    }
    view.progress(SECOND);
    vi.advanceTimersByTime(250);
    expect(text()).toContain('fault kill: its probe saw it acting: pid 4711 is gone\n');
    expect(text()).toContain('fault     kill on luminate-a: acting for 0s');
    view.event({ at: 90_000, kind: 'run.ended', interrupted: false });
    view.end();
    const afterEnd = text();
    expect(afterEnd).toContain('run ended');
    view.end();
    vi.advanceTimersByTime(5_000);
    expect(text()).toBe(afterEnd);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([true, false])('survives a reader that goes away (terminal: %s)', (isTTY) => {
    const { stream } = recorder(80);
    const view = createLiveView({ plan: SAMPLE_PLAN, stream, isTTY, now });
    stream.destroy(new Error('EPIPE'));
    for (const event of EVENTS) view.event(event);
    vi.advanceTimersByTime(1_000);
    expect(() => view.end()).not.toThrow();
  });
});
