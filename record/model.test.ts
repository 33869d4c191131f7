import { expect, it } from 'vitest';
import { Event, Scenario } from './model.ts';

it.each([[{ absent: -1 }], [{ absent: 0.5 }], [{ lagging: -2 }], [{ lagging: 1.5 }]])(
  'takes no %j for counts of a read-back',
  (counts) => {
    const look = { at: 2, kind: 'readback', fromMs: 1, toMs: 2, complete: true, why: '', runners: ['load'] };
    expect(Event.safeParse({ ...look, absent: 3, lagging: 0 }).success).toBe(true);
    expect(Event.safeParse({ ...look, ...counts }).success).toBe(false);
  },
);

it('refuses an expectation about a query that the scenario does not have', () => {
  const scenario = {
    name: 'told',
    question: 'Does it hold?',
    system: 'told',
    load: { script: 'told', ratePerS: 1, pointsPerWrite: 1, forMs: 1, warmupMs: 0 },
    calibrate: false,
    disturb: [],
    good: { served: 1, latencyMs: 1, bins: 1 },
    expect: [{ check: 'query', query: 'lag', atMost: 1 }],
  };
  const prometheus = { scrapeIntervalMs: 1, evaluationIntervalMs: 1, queries: { lag: 'lag' } };
  expect(Scenario.safeParse({ ...scenario, prometheus }).success).toBe(true);
  for (const other of [{}, { prometheus: { ...prometheus, queries: { leg: 'lag' } } }])
    expect(Scenario.safeParse({ ...scenario, ...other }).error?.issues).toMatchObject([
      { path: ['expect', 0, 'query'], message: expect.stringContaining('"lag" is no query') },
    ]);
});
