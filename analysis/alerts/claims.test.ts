/** Logic, wiring and real time are three claims, and none stands for another. */
import { expect, it } from 'vitest';
import { type Event, VerdictFile } from '../../record/model.ts';
import { alertLines } from '../../record/report.ts';
import { sampleVerdictFile } from '../../record/sample.ts';
import { judgeRun } from '../judge.ts';
import { viewOf } from '../testing.ts';
import { alertClaims } from './claims.ts';
import { blindEvent, firedEvent, ruleOf, STARTED, watchedView } from './testing-run.ts';

function logicOf(alert: string, virtual: 'holds' | 'fails' | 'not-tested', findings: string[] = []): Event {
  return { at: 100, kind: 'alert.logic', alert, findings, virtual, why: '' };
}

const told: Event[] = [
  STARTED,
  logicOf('Errors', 'holds'),
  logicOf('Quiet', 'holds', ['rare-events']),
  logicOf('Long', 'not-tested'),
  ruleOf(),
  firedEvent('Errors', 24_000, 37_500),
  ruleOf({ alert: 'Quiet', expr: 'depth > 5' }),
  ruleOf({ alert: 'Long', forMs: 600_000 }),
];

it('says of each alert what this run shows of it', () => {
  const claims = (compress?: number) =>
    alertClaims(watchedView({ prometheus: told, ...(compress && { compress }) }))?.rules.map(
      ({ alert, logic, wiring, realTime }) => [alert, logic, wiring, realTime].join(' '),
    );
  expect(claims()).toEqual([
    'Errors holds fired fired',
    'Quiet holds silent silent',
    'Long not-tested not-shown not-shown',
  ]);
  expect(claims(15)).toEqual([
    'Errors holds fired not-shown',
    'Quiet holds silent not-shown',
    'Long not-tested not-shown not-shown',
  ]);
});

it('calls nothing silent that was not seen, and leaves refused rules their logic', () => {
  const blind = [...told, blindEvent('nobody looked', 30_000, 31_000)];
  expect(alertClaims(watchedView({ prometheus: blind }))?.rules[1]).toMatchObject({ wiring: 'not-shown' });
  const refused: Event[] = [
    logicOf('Errors', 'fails'),
    { at: 300, kind: 'prometheus.ended', why: 'no', rulesRefused: true },
  ];
  expect(alertClaims(watchedView({ prometheus: refused }))).toEqual({
    rules: [{ alert: 'Errors', findings: [], logic: 'fails', wiring: 'not-shown', realTime: 'not-shown' }],
  });
  expect(alertClaims(viewOf())).toBeUndefined();
});

it('is part of the verdict file, with the time to detect', async () => {
  const file = await judgeRun(watchedView({ prometheus: told, compress: 15, expect: [{ check: 'x' }] }), () =>
    Promise.reject(new Error('none')),
  );
  expect(VerdictFile.parse(file)).toEqual(file);
  expect(file.alerts).toMatchObject({ compress: 15, rules: [{ alert: 'Errors' }, {}, {}] });
  expect(file.figures).toContainEqual({ name: 'time to detect cut', value: 3.101, unit: 's', fault: 'cut' });
  const unwatched = await judgeRun(watchedView({ prometheus: [] }), () => Promise.reject(new Error('none')));
  expect(unwatched.costs?.[0]?.time).toContain('no alert was watched');
});

it('is told in a few lines', () => {
  const alerts = alertClaims(watchedView({ prometheus: told, compress: 15 }));
  expect(alertLines(sampleVerdictFile([], alerts && { alerts }))).toEqual([
    'of 3 alerts 2 have no finding of the lint, 2 hold in virtual time, 1 fired live with time divided by 15, 1 were never exercised',
    'Errors: logic holds, wiring fired, real time not-shown',
    'Quiet: logic holds, wiring silent, real time not-shown; findings: rare-events',
    'Long: logic not-tested, wiring not-shown, real time not-shown',
  ]);
  expect(alertLines(sampleVerdictFile([]))).toEqual([]);
});

it('calls nothing silent that was watched for a part of the load', () => {
  const early: Event[] = [STARTED, ruleOf({ watchedMs: [200, 40_000] })];
  expect(alertClaims(watchedView({ prometheus: early }))?.rules).toMatchObject([{ wiring: 'not-shown' }]);
  // Without its beginning the record does not say how often anything was scraped.
  expect(alertClaims(watchedView({ prometheus: [ruleOf()] }))?.rules).toMatchObject([
    { wiring: 'not-shown' },
  ]);
});

it('has the logic of two rules of one name hold only where both do', () => {
  const twins = (first: 'holds' | 'not-tested', second: 'fails' | 'not-tested' | 'holds') =>
    alertClaims(
      watchedView({ prometheus: [STARTED, logicOf('Errors', first), logicOf('Errors', second, ['x'])] }),
    )?.rules;
  expect(twins('holds', 'fails')).toMatchObject([{ logic: 'fails', findings: ['x'] }]);
  expect(twins('holds', 'not-tested')).toMatchObject([{ logic: 'not-tested' }]);
  expect(twins('holds', 'holds')).toMatchObject([{ logic: 'holds' }]);
});

it('does not say which of two rules of one name fired', () => {
  const twins = [STARTED, ruleOf(), ruleOf({ forMs: 9_000 }), firedEvent('Errors', 24_000, 37_500)];
  expect(alertClaims(watchedView({ prometheus: twins }))?.rules).toMatchObject([{ wiring: 'not-shown' }]);
});
