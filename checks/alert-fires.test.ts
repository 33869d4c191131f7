import { expect, it } from 'vitest';
import {
  blindEvent,
  CUT,
  firedEvent,
  ruleOf,
  STARTED,
  type WatchedStory,
  watchedView,
} from '../analysis/alerts/testing-run.ts';
import { faultEvents, viewOf } from '../analysis/testing.ts';
import type { Event } from '../record/model.ts';
import { judge, options } from './alert-fires.ts';

const ask = (story: WatchedStory = {}, more: object = {}) =>
  judge(watchedView(story), options.parse({ alert: 'Errors', ...more }), { during: 'cut' });

/** The same rule and fault, and a firing. */
const fired = (firedMs: number, resolvedMs: number | null, change: WatchedStory = {}) =>
  ask({ prometheus: [STARTED, ruleOf(), firedEvent('Errors', firedMs, resolvedMs)], ...change });
const silent = (change: WatchedStory = {}, rule = {}) =>
  ask({ prometheus: [STARTED, ruleOf(rule)], ...change });

it('passes one that fires and resolves in time, and prints the sum', () => {
  const verdict = ask();
  expect(verdict).toMatchObject({
    verdict: 'pass',
    observed: { value: 3.101, unit: 's after the fault began' },
  });
  expect(verdict.reason).toContain('Errors, in-time');
  expect(verdict.reason).toMatch(/fires .* = over all phases .* \+ the first increment is invisible/);
  expect(verdict.reason).not.toContain('wiring');
  expect(ask({ compress: 15 }).reason).toContain('this shows the wiring only, for time was divided by 15');
});

it.each([
  ['late', 29_000, 37_500],
  ['early', 21_200, 37_500],
  ['late', 24_000, 44_000],
  ['late', 24_000, null],
  ['early', 24_000, 33_200],
])('fails one that is %s: fired at %d, resolved at %s', (word, firedMs, resolvedMs) => {
  expect(fired(firedMs, resolvedMs)).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining(`Errors, ${word}`),
  });
});

it('cannot time one by a load whose own times are not known', () => {
  const edit: WatchedStory['edit'] = (event) =>
    event.kind === 'load.ended' ? { ...event, anchorBoundMs: 2_300 } : event;
  expect(fired(28_000, 37_500, { edit })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('known to +- 2.3 s only'),
  });
});

it('fails one that is missing, one that flaps, and one whose condition cannot see the fault', () => {
  expect(silent()).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('Errors, missing') });
  const twice = [firedEvent('Errors', 24_000, 27_000), firedEvent('Errors', 29_000, 37_500)];
  expect(ask({ prometheus: [STARTED, ruleOf(), ...twice] })).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('flapping'),
  });
  expect(silent({}, { heldMs: [] })).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('cannot see what it is for'),
  });
  expect(silent({}, { heldMs: null }).verdict).toBe('inconclusive');
});

/** Four ways in which a run says nothing of an alert, each with a verdict and words of its own. */
it('tells what keeps it from a verdict apart', () => {
  const found = [
    silent({ write: () => ({}) }, { heldMs: [] }),
    ask({
      prometheus: [
        STARTED,
        ruleOf(),
        firedEvent('Errors', 24_000, 37_500),
        blindEvent('Prometheus restarted', 25_000, 26_000),
      ],
    }),
    ask({
      prometheus: [{ at: 300, kind: 'prometheus.ended', why: 'unknown field "fro"', rulesRefused: true }],
    }),
    ask({
      prometheus: [
        STARTED,
        ruleOf({ heldMs: [] }),
        blindEvent('not scraped', 200, 60_000, 'connection refused'),
      ],
    }),
  ];
  expect(found.map(({ verdict }) => verdict)).toEqual(['inconclusive', 'inconclusive', 'invalid', 'invalid']);
  expect(found.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('cut never made what Errors is for'),
    expect.stringContaining('Prometheus restarted at 25000..26000 ms'),
    expect.stringContaining('Prometheus refused the rules, so none was evaluated: unknown field "fro"'),
    expect.stringContaining('Prometheus never scraped the system: connection refused'),
  ]);
  expect(new Set(found.map(({ reason }) => reason)).size).toBe(4);
});

it('says how far the fault was from the threshold', () => {
  const few = silent({
    write: (index, dueMs) =>
      dueMs > 20_000 && dueMs < 32_000 && index % 40 === 0 ? { outcome: 'U', status: 503 } : {},
  });
  expect(few).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('0.03 of a window of 5s was bad at most, and more than 0.05'),
  });
  // It fired all the same: not for what the ledger knows.
  expect(fired(24_000, 37_500, { write: () => ({}) })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the rule counts something else'),
  });
});

it('leaves a fault alone that the phases decide on', () => {
  const short = {
    write: (_: number, dueMs: number) =>
      dueMs > 20_000 && dueMs < 20_500 ? { outcome: 'U' as const, status: 503 } : {},
  };
  expect(silent(short, { heldMs: [], forMs: 3_000 })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('need not'),
  });
});

it('asks for a Prometheus, the alert, and the end of the fault', () => {
  const ended = (why: string): Event => ({ at: 9_000, kind: 'prometheus.ended', why, rulesRefused: false });
  const found = [
    ask({ prometheus: [] }),
    ask({ prometheus: [ended('no free port')] }),
    ask({ prometheus: [STARTED, ended('killed')] }),
    silent({}, { alert: 'Error' }),
    judge(
      viewOf({ faults: [CUT], events: faultEvents('cut', 21_000, 33_000) }),
      options.parse({ alert: 'Errors' }),
      {
        during: 'cut',
      },
    ),
  ];
  expect(found.map(({ verdict, reason }) => `${verdict}: ${reason}`)).toEqual([
    'invalid: Prometheus was never started: nothing says why',
    'invalid: Prometheus was never started: no free port',
    'invalid: Prometheus did not last to the end of the run: killed',
    'invalid: no alert of the rules is called Errors, did you mean Error? (Error)',
    expect.stringContaining('invalid: the scenario has no Prometheus'),
  ]);
  const view = watchedView();
  for (const fault of view.faults) fault.goneAtMs = null;
  expect(judge(view, options.parse({ alert: 'Errors' }), { during: 'cut' })).toMatchObject({
    verdict: 'invalid',
    reason: 'the end of cut was never seen',
  });
  expect(() => judge(view, options.parse({ alert: 'Errors' }), {})).toThrow('during');
});

it('cannot tell two rules of one name apart, or time what it does not understand', () => {
  expect(ask({ prometheus: [STARTED, ruleOf(), ruleOf({ forMs: 9 })] })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('two rules are called Errors'),
  });
  const expr = 'changes(process_start_time_seconds[1m]) > 2';
  expect(
    ask({ prometheus: [STARTED, ruleOf({ expr }), firedEvent('Errors', 24_000, 30_000)] }),
  ).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringMatching(/cannot be computed: .*; it fired at 24\.0 s/),
  });
  expect(silent({}, { expr })).toMatchObject({ reason: expect.stringContaining('it did not fire') });
  const tight = 'sum(rate(a_total{c="5"}[1s])) / sum(rate(a_total[1s])) > 0.05';
  expect(silent({}, { expr: tight })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('fewer than two scrapes'),
  });
});

it('asks what is slow for an alert on latency, and counts that', () => {
  const expr = 'histogram_quantile(0.95, sum by (le) (rate(seconds_bucket[5s]))) > 0.5';
  const prometheus = [STARTED, ruleOf({ expr }), firedEvent('Errors', 24_000, 37_500)];
  const write = (_: number, dueMs: number) => (dueMs >= 20_000 && dueMs < 32_000 ? { latMs: 800 } : {});
  expect(ask({ prometheus, write })).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('slowerThanMs'),
  });
  expect(ask({ prometheus, write }, { slowerThanMs: 500 }).verdict).toBe('pass');
  expect(ask({ prometheus, write }, { slowerThanMs: 900 }).verdict).toBe('inconclusive');
});

it('judges a gauge by the fault alone, and up through the scrapes that fail', () => {
  const gauge = (expr: string, ...more: Event[]) => [STARTED, ruleOf({ expr }), ...more];
  const ok = firedEvent('Errors', 24_000, 33_800);
  expect(ask({ prometheus: gauge('depth > 5', ok) }).verdict).toBe('pass');
  expect(ask({ prometheus: gauge('depth > 5', ok) }, { slowerThanMs: 5 }).verdict).toBe('invalid');
  const failed = blindEvent('missed scrapes', 21_000, 33_000, 'up 0 of web-1');
  expect(ask({ prometheus: gauge('up == 0', ok, failed) }).verdict).toBe('pass');
  expect(ask({ prometheus: gauge('depth > 5', ok, failed) }).verdict).toBe('inconclusive');
  expect(
    ask({ prometheus: gauge('absent(up{job="web"})', firedEvent('Errors', 27_500, 33_800)) }).verdict,
  ).toBe('pass');
  expect(ask({ prometheus: gauge('up == 0', firedEvent('Errors', 27_500, 33_800)) }).verdict).toBe('fail');
});

it('takes requests without an answer for counted or not, and does not guess', () => {
  // Nobody was answered in the cut: by the system's own counters all or none of it may have failed.
  const write = (_: number, dueMs: number) =>
    dueMs >= 20_000 && dueMs < 32_000 ? { outcome: 'U' as const, status: 0, code: 1050, latMs: 1_000 } : {};
  expect(silent({ write }, { heldMs: [] })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('need not'),
  });
  expect(fired(24_000, 37_500, { write }).verdict).toBe('pass');
  expect(fired(32_000, 37_500, { write }).verdict).toBe('fail');
});

it('does not rest on a ledger that is damaged or open', () => {
  expect(ask({ log: (text) => text.replace('A 1:2 ', 'A x ') })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('1 lines of ledger/load.log are damaged'),
  });
  const edit: WatchedStory['edit'] = (event) =>
    event.kind === 'load.ended' ? { ...event, iterations: null } : event;
  expect(ask({ edit })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('may lack its end'),
  });
});

it('counts every attempt of a write', () => {
  // Each write is acknowledged at its second attempt: half of the requests failed.
  const write = (_: number, dueMs: number) =>
    dueMs >= 20_000 && dueMs < 32_000 ? { latMs: 120, attempts: 2 } : {};
  const attempts: WatchedStory['attempts'] = (_, dueMs) =>
    dueMs >= 20_000 && dueMs < 32_000
      ? [{ atMs: dueMs, latMs: 10, status: 503, code: 1503, connection: 'reused', pod: null }]
      : [];
  expect(ask({ write, attempts }).verdict).toBe('pass');
  expect(silent({ write, attempts }).verdict).toBe('fail');
  // What could not connect was never counted.
  const unsent: WatchedStory['attempts'] = (index, dueMs) =>
    (attempts(index, dueMs) ?? []).map((one) => ({ ...one, status: 0, connection: 'none' as const }));
  expect(silent({ write, attempts: unsent }, { heldMs: [] }).verdict).toBe('inconclusive');
});

it('does not hold a firing for one fault while another acts whose times were not proven', () => {
  const begun = (at: number): Event[] => [
    { at, kind: 'fault.intent', fault: 'kill', targets: ['a'], detail: 'kill' },
  ];
  const faults = [CUT, { name: 'kill', fault: { chaos: 'kill' } }];
  expect(ask({ faults, events: begun(30_000) })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('kill, begun at 30.0 s, was never seen to act and to end'),
  });
  expect(ask({ faults }).verdict).toBe('pass');
  expect(ask({ faults, events: begun(58_000) }).verdict).toBe('pass');
});

it('does not know when a fault turns a gauge that it moves by and by', () => {
  const gauge = (...more: Event[]) => ask({ prometheus: [STARTED, ruleOf({ expr: 'depth > 5' }), ...more] });
  for (const verdict of [
    gauge(firedEvent('Errors', 30_000, 33_800)),
    gauge(firedEvent('Errors', 24_000, 44_000)),
    ask({ prometheus: [STARTED, ruleOf({ expr: 'depth > 5', heldMs: [] })] }),
  ])
    expect(verdict).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('when the fault turns it is not known'),
    });
  // Its condition held by its own samples: that is no question of when.
  expect(ask({ prometheus: [STARTED, ruleOf({ expr: 'depth > 5' })] }).verdict).toBe('fail');
});

it('does not work through a window that was not watched', () => {
  const expr = 'sum(rate(a_total{c="5"}[30d])) / sum(rate(a_total[30d])) > 0.05';
  expect(silent({}, { expr })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('its window of 720h is longer than it was watched'),
  });
});

it('observes no firing but that of the fault', () => {
  const later = firedEvent('Errors', 60_000, null);
  expect(ask({ write: () => ({}), prometheus: [STARTED, ruleOf(), later] })).toMatchObject({
    verdict: 'inconclusive',
    observed: { value: null },
  });
});

it('asks of a fault that barely makes it fire no more than it must, however late it is seen', () => {
  const barely: WatchedStory = {
    write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 32_000 ? { outcome: 'U', status: 503 } : {}),
  };
  // Bad for 12 s, so the share is above the threshold for some 16 s: 13 s of `for` fit in every phase, if nothing is a scrape late.
  const verdicts = [8_000, 13_000].map((forMs) => silent(barely, { forMs, heldMs: [[22_000, 34_000]] }));
  expect(verdicts.map(({ verdict }) => verdict)).toEqual(['fail', 'inconclusive']);
  expect(verdicts[1]?.reason).toContain('need not');
});
