/**
 * The trial of the judge. PROOFLOAD_TRACES=100000 plays the full number; the time limit of a test is lifted then. A seed that fails is printed and
 * tells the whole trace again.
 */
import { describe, expect, it } from 'vitest';
import type { Event } from '../../record/model.ts';
import { WALL_MS } from '../testing.ts';
import { type Judged, judgeTrace } from './judge.ts';
import { linesOf } from './testing-lines.ts';
import { realRun, SPEC, told } from './testing-told.ts';
import { tellTrace } from './testing-traces.ts';
import { readTraces } from './trace-read.ts';
import { controllerOf } from './trace-events.ts';
import type { HpaTrace } from './trace.ts';
import { CONTROLLER_DEFAULTS, type ControllerParameters } from './types.ts';

const TRACES = Number(process.env['PROOFLOAD_TRACES'] ?? 3_000);
const LIMIT_MS = TRACES > 10_000 ? 600_000 : 20_000;
const SEED = 20_260_000;

describe(`random traces, seeds from ${SEED}`, () => {
  it(
    `never accuses one of ${TRACES} that the model made`,
    () => {
      let syncs = 0;
      let decided = 0;
      for (let seed = SEED; seed < SEED + TRACES; seed += 1) {
        const { trace, parameters } = tellTrace(seed, false);
        for (const { outcome, write, legal } of judgeTrace(trace, parameters)) {
          syncs += 1;
          if (outcome !== 'undecided') decided += 1;
          if (outcome === 'illegal')
            expect.fail(
              `seed ${seed} at ${write.receivedMs} ms: ${legal.join()} legal, ${write.desired} set`,
            );
        }
      }
      // It has something to say, too.
      expect(decided / syncs).toBeGreaterThan(0.9);
    },
    LIMIT_MS,
  );

  it(
    'accuses every visible wrong step, at that very step, and most are visible',
    () => {
      let made = 0;
      let visible = 0;
      for (let seed = SEED; seed < SEED + 3_000; seed += 1) {
        const { trace, parameters, wrong } = tellTrace(seed, true);
        if (!wrong) continue;
        made += 1;
        if (!wrong.visible) continue;
        visible += 1;
        const first = judgeTrace(trace, parameters).find(({ outcome }) => outcome === 'illegal');
        if (first?.write !== wrong.write)
          expect.fail(
            `seed ${seed}, ${wrong.kind} at ${wrong.write.receivedMs} ms: accused at ${first?.write.receivedMs ?? 'no'} ms`,
          );
      }
      expect(made).toBeGreaterThan(1_000);
      expect(visible / made).toBeGreaterThan(0.6);
    },
    LIMIT_MS,
  );

  it(
    'reads the same from the lines of a watch log',
    () => {
      for (let seed = SEED; seed < SEED + 100; seed += 1) {
        const { trace, parameters } = tellTrace(seed, seed % 2 === 0);
        if (trace.writes.length === 0) continue;
        const gaps = trace.blind.map(({ what, fromMs, toMs, why }): Event => ({
          at: toMs,
          kind: 'gap',
          what: GAPS[what] ?? what,
          fromMs,
          toMs,
          why,
        }));
        const events: Event[] = [{ at: 0, kind: 'run.started', runId: 'r', wallMs: WALL_MS }, ...gaps];
        const { traces, unreadable } = readTraces({
          watch: () => linesOf(trace),
          events,
          plan: { platform: 'kubernetes' },
        });
        expect(unreadable).toEqual([]);
        const outcomes = (of: HpaTrace) =>
          judgeTrace(of, parameters).map(({ outcome, legal }) => [outcome, legal]);
        expect(traces.map(outcomes), `seed ${seed}`).toEqual([outcomes(trace)]);
      }
    },
    LIMIT_MS,
  );
});

const GAPS: Record<string, string> = {
  hpa: 'HorizontalPodAutoscaler watch',
  pods: 'pods watch',
  metrics: 'PodMetrics',
};

const PARAMETERS: ControllerParameters = { ...CONTROLLER_DEFAULTS, version: [1, 35] };

const shortly = (judged: readonly Judged[]) =>
  judged.map(({ outcome, legal }) => `${outcome} ${legal.join(' ')}`);
const judge = (trace: HpaTrace, parameters: Partial<ControllerParameters> = {}) =>
  judgeTrace(trace, { ...PARAMETERS, ...parameters });

describe('a trace by hand', () => {
  it('names what was legal at each sync', () => {
    const judged = judge(
      told([
        [3, 3, 60],
        [3, 6, 130],
        [6, 6, 70],
        [6, 6, 30],
      ]),
    );
    expect(shortly(judged)).toEqual(['legal 3', 'legal 6', 'legal 6', 'legal 6']);
    expect(judged[1]?.asked).toEqual({ replicas: [6], unseen: null, pods: '3 of 3 pods counted' });
  });

  it('accuses a step beyond what was asked for, once, and goes on from it', () => {
    const judged = judge(
      told([
        [3, 3, 60],
        [3, 7, 130],
        [7, 7, 70],
      ]),
    );
    expect(judged.map(({ outcome }) => outcome)).toEqual(['legal', 'illegal', 'legal']);
    expect(judged[1]).toMatchObject({ legal: [6], write: { desired: 7 } });
  });

  it('accuses a step down before its window is over, and not after a restart of the controller, which forgot it', () => {
    const steps = [
      [3, 6, 130],
      [6, 6, 70],
      [6, 3, 30],
    ] as const;
    expect(shortly(judge(told(steps)))).toEqual(['legal 6', 'legal 6', 'illegal 6']);
    expect(shortly(judge(told(steps, { restartsMs: [40_000] })))).toEqual([
      'legal 6',
      'legal 6',
      'legal 3 6',
    ]);
    const hidden = judge(told(steps, { restartsVisible: false }));
    expect(hidden[2]).toMatchObject({
      outcome: 'undecided',
      why: expect.stringContaining('restart of the controller'),
    });
    // No restart explains more than was asked for.
    expect(judge(told([[3, 9, 70]], { restartsVisible: false }))[0]?.outcome).toBe('illegal');
  });

  it('leaves open what happened while nobody watched, and accuses all the same where nothing could explain it', () => {
    const blind = (what: 'hpa' | 'pods' | 'metrics') => ({
      blind: [{ what, fromMs: 30_000, toMs: 36_000, why: 'the API server was away' }],
    });
    const steps = [
      [3, 3, 60],
      [3, 6, 130],
    ] as const;
    expect(judge(told(steps, blind('hpa')))[1]).toMatchObject({
      outcome: 'undecided',
      why: 'the HPA was not watched (the API server was away)',
    });
    expect(judge(told(steps, blind('pods')))[1]).toMatchObject({
      outcome: 'undecided',
      why: 'pods were not watched (the API server was away)',
    });
    // Some of the pods may have been missing for the controller.
    expect(judge(told(steps, blind('metrics')))[1]).toMatchObject({ legal: [3, 4, 6], outcome: 'undecided' });
    expect(
      judge(
        told(
          [
            [3, 3, 60],
            [3, 11, 130],
          ],
          blind('pods'),
        ),
      )[1]?.outcome,
    ).toBe('illegal');
  });

  it('cannot know what an HPA remembers that is watched from the middle of its life on', () => {
    const steps = [
      [6, 6, 30],
      [6, 3, 30],
    ] as const;
    expect(shortly(judge(told(steps)))).toEqual(['legal 6', 'illegal 6']);
    expect(judge(told(steps, { before: { scaledAtMs: null } })).map(({ outcome }) => outcome)).toEqual([
      'undecided',
      'undecided',
    ]);
  });

  it('follows the spec as it stands beside each status', () => {
    const trace = told([
      [3, 3, 60],
      [3, 12, 280],
    ]);
    const wide = trace.writes.map((write, index) =>
      index === 0 ? write : { ...write, spec: { ...SPEC, max: 12 } },
    );
    expect(judge(trace)[1]).toMatchObject({ outcome: 'illegal', legal: [6] });
    expect(judge({ ...trace, writes: wide })[1]?.legal).toEqual([6]);
    const free = trace.writes.map((write) => ({ ...write, spec: { ...SPEC, max: 12, behavior: null } }));
    expect(judge({ ...trace, writes: free })[1]?.legal).toEqual([6]);
    const jump = told([[12, 10, 60]]);
    expect(shortly(judge(jump))).toEqual(['legal 10']);
  });

  it('holds the tolerance, the version and the downscale stabilisation that it is told', () => {
    expect(shortly(judge(told([[3, 3, 90]])))).toEqual(['illegal 4']);
    expect(shortly(judge(told([[3, 3, 90]]), { tolerance: 0.3 }))).toEqual(['legal 3']);
    const own = (trace: HpaTrace): HpaTrace => ({
      ...trace,
      writes: trace.writes.map((write) => ({
        ...write,
        spec: {
          ...SPEC,
          behavior: SPEC.behavior && {
            ...SPEC.behavior,
            scaleUp: { ...SPEC.behavior.scaleUp, tolerance: 0.3 },
          },
        },
      })),
    });
    expect(shortly(judge(own(told([[3, 3, 90]])), { version: [1, 35] }))).toEqual(['legal 3']);
    expect(shortly(judge(own(told([[3, 3, 90]])), { version: [1, 34] }))).toEqual(['illegal 4']);
  });

  it('knows an average alone to be enough when all pods are ready', () => {
    const trace = told([[3, 6, 130]]);
    expect(judge({ ...trace, samples: [] })[0]).toMatchObject({
      outcome: 'undecided',
      asked: { replicas: [3, 4, 6] },
    });
    // Of pods that are not yet counted, those that were polled tell which.
    expect(judge(trace)[0]?.legal).toEqual([6]);
  });

  it('leaves a size that could not be written undecided', () => {
    const trace = told([[3, 3, 130]]);
    const refused = trace.writes.map((write) => ({
      ...write,
      conditions: { ...write.conditions, AbleToScale: { status: false, reason: 'FailedUpdateScale' } },
    }));
    expect(judge({ ...trace, writes: refused })[0]).toMatchObject({
      outcome: 'undecided',
      why: 'the new size could not be written',
    });
  });
});

describe('a real trace', () => {
  const { lines, events } = realRun();
  const { traces, unreadable } = readTraces({ watch: () => lines, events, plan: { platform: 'kubernetes' } });
  const [trace] = traces;
  const known = controllerOf(events);
  if (!trace || !known) throw new Error('the real run has no trace');

  it('is decided as a whole, with two legal sizes at the most, and accused of nothing', () => {
    expect(unreadable).toEqual([]);
    const judged = judgeTrace(trace, known.parameters);
    expect(judged.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 54 }, () => 'legal'));
    expect(Math.max(...judged.map(({ legal }) => legal.length))).toBe(2);
  });

  it('is accused under a tolerance or a window that it did not have', () => {
    const illegal = (parameters: Partial<ControllerParameters>, of = trace) =>
      judgeTrace(of, { ...known.parameters, ...parameters }).filter(({ outcome }) => outcome === 'illegal');
    expect(illegal({ tolerance: 1 }).length).toBeGreaterThan(0);
    const longer = trace.writes.map((write) => {
      const { behavior } = write.spec;
      const scaleDown = behavior && { ...behavior.scaleDown, stabilizationMs: 300_000 };
      return {
        ...write,
        spec: { ...write.spec, behavior: behavior && scaleDown && { ...behavior, scaleDown } },
      };
    });
    expect(illegal({}, { ...trace, writes: longer })[0]?.write).toMatchObject({ current: 10, desired: 9 });
  });
});
