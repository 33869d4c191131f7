import { describe, expect, it } from 'vitest';
import type { Event } from '../record/model.ts';
import { byWindow } from './check.ts';
import { missingLines } from './missing-lines.ts';
import { ANCHOR_MS, faultEvents, viewOf } from './testing.ts';
import { type RunnersStory, runnersRecord } from './testing-runners.ts';
import { isGood, scheduled, sum } from './timeline.ts';
import { binsIn, buildView } from './view.ts';

const view = (story: RunnersStory) => buildView(runnersRecord(story));
/** A ledger up to a write due at `toMs` since the anchor. */
const until = (text: string, toMs: number) =>
  text
    .split('\n')
    .filter((line) => Number(line.split(' ')[2] ?? -1) < toMs)
    .join('\n');
const about =
  (runner: string, patch: (event: Event) => object | null) =>
  (event: Event): Event | null => {
    if (!('runner' in event) || event.runner !== runner) return event;
    const change = patch(event);
    return change === null ? null : { ...event, ...change };
  };

describe('the clocks of runners', () => {
  const off = (boundMs: number) =>
    view({
      count: 3,
      faults: [{ name: 'rollout', fault: 'rollout-restart' }],
      events: faultEvents('rollout', 20_000, 30_000),
      edit: about('load-2', ({ kind }) => (kind === 'load.ended' ? { anchorBoundMs: boundMs } : {})),
    });
  const said = (boundMs: number) => byWindow(off(boundMs), off(boundMs).account.atRisk);

  it('are named where what is counted by window may belong to another one', () => {
    expect(off(2_300).loads.map(({ anchorBoundMs }) => anchorBoundMs)).toEqual([0, 2_300, 0]);
    expect(said(2_300)).toMatch(
      /^rollout: \d+, outside: \d+ \(the times of load-2 are known to \+- 2\.3 s only\)$/,
    );
    expect(said(1_000)).toMatch(/^rollout: \d+, outside: \d+$/);
  });
});

describe('the judged load of three runners', () => {
  it('is one load: the same seconds and counts as from a single k6', () => {
    const [one, three] = [viewOf(), view({ count: 3 })];
    expect(three.judged).toMatchObject({
      anchorMs: ANCHOR_MS,
      fromMs: ANCHOR_MS + 5_000,
      toMs: ANCHOR_MS + 60_000,
      droppedSeen: 0,
      pointsPerWrite: 100,
    });
    expect(three.judged?.ratePerS).toBeCloseTo(20, 9);
    expect(three.timeline).toEqual(one.timeline);
    expect(three.latency['outside']?.totalCount).toBe(one.latency['outside']?.totalCount);
    expect(three.account).toMatchObject({ acknowledged: 1_200, doubts: [] });
    expect(three.account.lost.count + three.account.phantom.count).toBe(0);
    expect(missingLines(three)).toEqual([]);
  });

  it('spans from the first that began to the last that ended; the warm-up of each is left out', () => {
    const staggered = view({ count: 3, staggerMs: 1_500 });
    expect([staggered.timeline?.fromMs, staggered.timeline?.toMs]).toEqual([
      ANCHOR_MS + 5_000,
      ANCHOR_MS + 63_000,
    ]);
    expect(sum(staggered.timeline!.bins).served).toBe(1_100);
    const perBin = staggered.timeline!.bins.map(scheduled);
    // only the first, then two, then all
    expect(Math.max(...perBin.slice(0, 1))).toBeLessThanOrEqual(7);
    expect(perBin.slice(3, 54).every((count) => Math.abs(count - 20) <= 2)).toBe(true);
    expect(missingLines(staggered)).toEqual([]);
  });

  it('adds up drops, each by its own ledger', () => {
    // Runner 2 drops from 20 s to 30 s: its later lines are early by the time of its own drops.
    const periodMs = 150;
    const dropped = (text: string) => {
      const lines = text.trim().split('\n');
      const kept = lines.filter((line) => {
        const due = Number(line.split(' ')[2]);
        return due < 20_000 || due >= 30_000;
      });
      return kept
        .map((line, index) => {
          const [outcome, , due, lat, lag] = line.split(' ');
          const dueMs = 50 + index * periodMs;
          const shift = Number(due) - dueMs;
          return `${outcome} 2:${index + 1} ${dueMs} ${Number(lat) + shift} ${Number(lag) + shift}\n`;
        })
        .join('');
    };
    const told = view({ count: 3, ledger: (runner, text) => (runner === 'load-2' ? dropped(text) : text) });
    const count = told.judged!.runners[1]!.droppedSeen;
    expect(count).toBeGreaterThanOrEqual(66);
    expect(count).toBeLessThanOrEqual(67);
    expect(told.judged!.droppedSeen).toBe(count);
    expect(sum(told.timeline!.bins).dropped).toBe(count);
    expect(missingLines({ ...told, stopped: null }).join()).toContain('load-2.log has 33');
    const bad = told.timeline!.bins.filter((bin) => isGood(bin, told.plan.scenario.good) === false);
    expect(bad.length).toBeGreaterThanOrEqual(9);
    expect(bad.length).toBeLessThanOrEqual(12);
  });
});

describe('missing lines', () => {
  const cases: [string, Omit<RunnersStory, 'count'>, string][] = [
    [
      'in the second ledger only, against its count',
      { ledger: (runner, text) => (runner === 'load-2' ? until(text, 50_000) : text) },
      'ledger/load-2.log has 333 lines, and the generator counted 400 iterations',
    ],
    [
      'in the second ledger only, with no count to compare with',
      {
        ledger: (runner, text) => (runner === 'load-2' ? until(text, 50_000) : text),
        edit: about('load-2', (event) => (event.kind === 'load.ended' ? { iterations: null } : {})),
      },
      'arrivals from 51.0 s to 61.0 s have no line in ledger/load-2.log',
    ],
    [
      'of a runner whose ledger is gone',
      { ledger: (runner, text) => (runner === 'load-3' ? null : text) },
      'ledger/load-3.log is missing',
    ],
    [
      'of a runner that wrote nothing',
      {
        ledger: (runner, text) => (runner === 'load-1' ? '' : text),
        edit: about('load-1', (event) =>
          event.kind === 'load.ended' ? { at: 1_200, exitCode: null, iterations: null, dropped: null } : {},
        ),
      },
      'runner load-1 never began: ledger/load-1.log has no line',
    ],
    [
      'of a runner that the history does not know',
      { edit: about('load-2', () => null) },
      '1 of 3 runners never began: load-2',
    ],
  ];
  it.each(cases)('%s', (_, story, words) => {
    const found = missingLines(view({ count: 3, ...story }));
    expect(found.join('; ')).toContain(words);
    for (const runner of ['load-1', 'load-2', 'load-3'])
      if (!words.includes(runner)) expect(found.join('; ')).not.toContain(`${runner}.log`);
  });

  it('are not asked of fault windows, nor of a runner after its own end', () => {
    const quiet = view({
      count: 3,
      faults: [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 }],
      events: faultEvents('cut', 21_000, 26_000),
      ledger: (runner, text) =>
        runner === 'load-2'
          ? text
              .split('\n')
              .filter(
                (line) => !(Number(line.split(' ')[2]) >= 21_000 && Number(line.split(' ')[2]) < 25_000),
              )
              .join('\n')
          : text,
      edit: about('load-2', (event) => (event.kind === 'load.ended' ? { iterations: null } : {})),
    });
    expect(binsIn(quiet, 'cut').length).toBeGreaterThan(3);
    expect(missingLines(quiet)).toEqual([
      'runner load-2 ended in good order and left no count of its writes',
    ]);
  });
});
