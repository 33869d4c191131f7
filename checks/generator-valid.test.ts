import { describe, expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { type RunnersStory, runnersRecord } from '../analysis/testing-runners.ts';
import { buildView } from '../analysis/view.ts';
import type { Event } from '../record/model.ts';
import { judge, options } from './generator-valid.ts';

const ask = (story: Story) => judge(viewOf(story), options.parse({}));
const between = (dueMs: number, from: number, to: number) => dueMs >= from && dueMs < to;
const change =
  (kind: Event['kind'], patch: object): NonNullable<Story['edit']> =>
  (event) =>
    event.kind === kind ? { ...event, ...patch } : event;

/** The ledger without the writes due in a stretch, ms since the anchor. */
const without =
  (fromMs: number, toMs: number): NonNullable<Story['log']> =>
  (text) =>
    text
      .split('\n')
      .filter((line) => !between(Number(line.split(' ')[2] ?? -1), fromMs, toMs))
      .join('\n');
const interrupted: NonNullable<Story['edit']> = (event) =>
  event.kind === 'run.ended' ? { ...event, interrupted: true } : event;

describe('generator-valid', () => {
  it('passes a healthy load', () => {
    const verdict = ask({});
    expect(verdict.verdict).toBe('pass');
    expect(verdict.reason).toContain('0 of 1100 arrivals dropped');
  });

  it('passes drops and lateness within a fault window', () => {
    const verdict = ask({
      write: (_, dueMs) => (between(dueMs, 20_000, 24_000) ? null : {}),
      faults: [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 }],
      events: faultEvents('cut', 20_900, 25_500),
    });
    expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 0 } });
  });

  it.each<[string, Story, string]>([
    [
      'drops outside fault windows',
      { write: (_, dueMs) => (between(dueMs, 20_000, 21_000) ? null : {}) },
      '20 of 1100 arrivals (1.82 %) were dropped',
    ],
    [
      'late starts',
      { write: (index) => (index % 20 === 0 ? { lagMs: 300, latMs: 320 } : {}) },
      '55 of 1100 writes (5.00 %) more than 250 ms late',
    ],
    [
      'a generator that died',
      { edit: change('load.ended', { exitCode: null, signal: 'SIGKILL', why: 'out of memory' }) },
      'ended by SIGKILL (out of memory)',
    ],
    [
      'a generator that failed',
      { edit: change('load.ended', { exitCode: 107, why: 'script error' }) },
      'with code 107',
    ],
    [
      'a generator without an end',
      { edit: (event) => (event.kind === 'load.ended' ? null : event) },
      'the end of the load was not seen',
    ],
    [
      'another count of drops',
      { edit: change('load.ended', { dropped: 40 }) },
      'counted 40 dropped arrivals, its ledger shows 0',
    ],
    [
      'a host that others use',
      {
        edit: (event) =>
          event.kind === 'host' && event.at > 30_000 && event.at < 42_000
            ? { ...event, foreign: 0.3 }
            : event,
      },
      'other processes took 30.00 % of the machine from 31.0 s to 41.0 s (and in 2 more windows)',
    ],
    ['a host that steals', { edit: change('host', { steal: 0.2 }) }, 'the hypervisor took 20.00 %'],
    [
      'no look at the host',
      { edit: (event) => (event.kind === 'host' ? null : event) },
      'the host was not observed',
    ],
    [
      'a hole in the looks at the host',
      { edit: (event) => (event.kind === 'host' && event.at > 15_000 && event.at < 27_000 ? null : event) },
      'the host was not observed from 16.0 s',
    ],
    [
      'a step of the clock',
      {
        edit: (event) =>
          event.kind === 'clock' && event.at >= 30_000 ? { ...event, wallMs: event.wallMs + 900 } : event,
      },
      'the wall clock had moved by 900 ms at 30.0 s',
    ],
    [
      'a gap in the load',
      { events: [{ at: 30_000, kind: 'gap', what: 'load', fromMs: 20_000, toMs: 30_000, why: 'pipe' }] },
      'not observed from 20.0 s to 30.0 s (pipe)',
    ],
    [
      'no load',
      { edit: (event) => (event.kind === 'load.started' ? null : event) },
      'no judged load was started',
    ],
    [
      'a generator that ended in good order and counted nothing',
      { edit: change('load.ended', { iterations: null }) },
      'left no count of its writes',
    ],
    [
      'a ledger with fewer lines than iterations',
      { edit: change('load.ended', { iterations: 1_201 }) },
      '1200 lines, and the generator counted 1201',
    ],
    [
      'seconds that have no line',
      { log: without(30_000, 33_000), edit: change('load.ended', { iterations: null }) },
      'about 60 arrivals from 31.0 s to 34.0 s have no line',
    ],
    [
      'a host that was seldom looked at',
      { edit: (event) => (event.kind === 'host' && event.at % 5_000 !== 0 ? null : event) },
      'the host was looked at in 20.00 % of the seconds',
    ],
    [
      'clocks that nobody looked at',
      { edit: (event) => (event.kind === 'clock' && event.at > 25_000 ? null : event) },
      'the clocks were looked at in 5',
    ],
    ['an empty ledger', { log: () => '' }, 'no write of the judged load was seen'],
  ])('calls %s invalid', (_, story, words) => {
    const verdict = ask(story);
    expect(verdict.verdict).toBe('invalid');
    expect(verdict.reason).toContain(words);
  });

  it('a load that the harness stopped may end in any way', () => {
    const verdict = ask({
      edit: (event) =>
        event.kind === 'run.ended'
          ? { ...event, interrupted: true }
          : event.kind === 'load.ended'
            ? { ...event, exitCode: 105 }
            : event,
    });
    expect(verdict).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('it was stopped') });
  });

  it('does not excuse a generator that had ended before the run was interrupted', () => {
    const killed = (interruptedAtMs: number): Story => ({
      edit: (event) =>
        event.kind === 'load.ended'
          ? {
              ...event,
              at: 25_000,
              exitCode: null,
              signal: 'SIGKILL',
              iterations: null,
              why: 'k6 was killed',
            }
          : event.kind === 'run.ended'
            ? { ...event, interrupted: true, interruptedAtMs }
            : event,
      write: (_, dueMs) => (dueMs < 24_000 ? {} : null),
    });
    expect(ask(killed(24_900)).verdict).toBe('pass');
    expect(ask(killed(63_000))).toMatchObject({
      verdict: 'invalid',
      reason: expect.stringContaining('ended by SIGKILL'),
    });
  });

  it('asks nothing of a load that an interrupted run never started, or hardly', () => {
    const never = ask({
      edit: (event) => (event.kind === 'load.started' ? null : interrupted(event)),
    });
    expect(never).toMatchObject({ verdict: 'not_run', reason: expect.stringContaining('interrupted') });
    const hardly = ask({
      forMs: 8_000,
      edit: (event) => (event.kind === 'load.ended' ? { ...event, exitCode: 105 } : interrupted(event)),
    });
    expect(hardly).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('of the load could be judged'),
    });
  });

  it('a load that was stopped ends with its last write, and its drops need no count', () => {
    const verdict = ask({
      // Stopped at 40 s; its process took five seconds more to go, and counted drops that no later write shows.
      log: without(40_000, 60_000),
      edit: (event) =>
        event.kind === 'load.ended'
          ? { ...event, at: 46_000, exitCode: 105, iterations: 800, dropped: 300 }
          : interrupted(event),
    });
    expect(verdict).toMatchObject({ verdict: 'pass', windowMs: [6_000, 40_950] });
  });
});

describe('generator-valid of three runners', () => {
  const askThree = (story: Omit<RunnersStory, 'count'> = {}) =>
    judge(buildView(runnersRecord({ count: 3, ...story })), options.parse({}));
  const about =
    (runner: string, kind: Event['kind'], patch: object): NonNullable<Story['edit']> =>
    (event) =>
      event.kind === kind && 'runner' in event && event.runner === runner ? { ...event, ...patch } : event;
  const onlyOf =
    (runner: string, edit: NonNullable<Story['log']>): NonNullable<RunnersStory['ledger']> =>
    (of, text) =>
      of === runner ? edit(text) : text;
  const died = { at: 31_200, exitCode: 137, signal: null, iterations: null, dropped: null, why: 'OOMKilled' };

  it('passes when all of them did what they were to do, and cites the ledger of each', () => {
    expect(askThree()).toMatchObject({
      verdict: 'pass',
      reason: expect.stringContaining('all 3 runners ended by themselves'),
      observed: { value: 0 },
      evidence: expect.arrayContaining(['ledger/load-1.log', 'ledger/load-2.log', 'ledger/load-3.log']),
    });
    expect(askThree({ staggerMs: 700 }).verdict).toBe('pass');
  });

  it.each<[string, Omit<RunnersStory, 'count'>, string]>([
    [
      'one that died in the middle',
      { ledger: onlyOf('load-2', without(30_000, 60_000)), edit: about('load-2', 'load.ended', died) },
      'runner load-2 ended with code 137 (OOMKilled)',
    ],
    [
      'one that is gone without a code',
      {
        ledger: onlyOf('load-3', without(30_000, 60_000)),
        edit: about('load-3', 'load.ended', { ...died, exitCode: null, why: 'its pod is gone' }),
      },
      'runner load-3 ended without a code (its pod is gone)',
    ],
    [
      'one whose end was not seen',
      {
        edit: (event) => (event.kind === 'load.ended' && event.runner === 'load-2' ? null : event),
      },
      'the end of runner load-2 was not seen',
    ],
    [
      'one that wrote nothing',
      {
        ledger: onlyOf('load-1', () => ''),
        edit: about('load-1', 'load.ended', { ...died, at: 1_500, why: 'crashed' }),
      },
      'runner load-1 never began',
    ],
    [
      'one that the history does not know',
      {
        edit: (event) => ('runner' in event && event.runner === 'load-2' ? null : event),
      },
      '1 of 3 runners never began: load-2',
    ],
    [
      'lines missing in the second ledger only',
      { ledger: onlyOf('load-2', without(30_000, 31_000)) },
      'ledger/load-2.log has 393 lines, and the generator counted 400 iterations',
    ],
    [
      'another count of drops of one',
      { edit: about('load-3', 'load.ended', { dropped: 40 }) },
      'runner load-3 counted 40 dropped arrivals, its ledger shows 0',
    ],
  ])('calls %s invalid, by its name', (_, story, words) => {
    const verdict = askThree(story);
    expect(verdict.verdict).toBe('invalid');
    expect(verdict.reason).toContain(words);
  });

  it('tells the runner that died from those that the harness stopped for it', () => {
    const verdict = askThree({
      ledger: (_, text) => without(30_000, 60_000)(text),
      edit: (event) => {
        if (event.kind !== 'load.ended') return event;
        return event.runner === 'load-2'
          ? { ...event, ...died }
          : { ...event, at: 32_500, exitCode: 105, iterations: 200, why: 'k6 was stopped by the harness' };
      },
      events: [
        {
          at: 31_201,
          kind: 'run.aborted',
          phase: 'baseline',
          why: 'runner load-2 failed',
          verdict: 'invalid',
        },
      ],
    });
    expect(verdict.verdict).toBe('invalid');
    expect(verdict.reason).toContain('runner load-2 ended with code 137');
    expect(verdict.reason).not.toContain('runner load-1 ended');
  });

  it('runners that the harness stopped may end in any way', () => {
    const verdict = askThree({
      edit: (event) => (event.kind === 'load.ended' ? { ...event, exitCode: 103 } : interrupted(event)),
    });
    expect(verdict).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('it was stopped (') });
  });
});
