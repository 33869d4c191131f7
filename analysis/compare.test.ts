import { describe, expect, it } from 'vitest';
import * as generatorValid from '../checks/generator-valid.ts';
import * as notLost from '../checks/no-acknowledged-write-lost.ts';
import { randomFrom } from '../harness/random.ts';
import { EXIT } from '../record/model.ts';
import type { CheckModule } from './check.ts';
import { compareRuns } from './compare.ts';
import type { JudgedRun } from './compare-figures.ts';
import { judgeRun } from './judge.ts';
import { recordOf, type Story } from './testing.ts';
import { buildView } from './view.ts';

const CHECKS: Record<string, CheckModule> = {
  'generator-valid': generatorValid,
  'no-acknowledged-write-lost': notLost,
};
const EXPECT = Object.keys(CHECKS).map((check) => ({ check }));

async function run(
  story: Story = {},
  change: (plan: JudgedRun['view']['plan']) => void = () => {},
): Promise<JudgedRun> {
  const record = recordOf({ expect: EXPECT, ...story });
  change(record.plan);
  const view = buildView(record);
  return {
    view,
    file: await judgeRun(view, (name) => {
      const module = CHECKS[name];
      return module ? Promise.resolve(module) : Promise.reject(new Error(`no check ${name}`));
    }),
  };
}

async function compare(a: Story, b: Story, change?: Parameters<typeof run>[1]) {
  const comparison = compareRuns(await run(a), await run(b, change), randomFrom(1));
  return {
    ...comparison,
    figure: (name: string) => comparison.figures.find((figure) => figure.name === name),
    verdict: (id: string) => comparison.verdicts.find((verdict) => verdict.id === id),
  };
}

const P50 = 'p50 outside fault windows';
const P99 = 'p99 outside fault windows';
const NOT_LOST = 'no-acknowledged-write-lost';
/** What was acknowledged first is not there when it is read back. */
const losing = (writes: number): Story => ({
  stored: (text) => text.replace(/^1:1-1\n/m, '').replace(/^2:1-1\n/m, writes > 1 ? '' : '2:1-1\n'),
});
const slower = (ms: number): Story => ({ write: () => ({ latMs: 20 + ms }) });

describe('equal runs', () => {
  it('have nothing worse', async () => {
    const { finding, exitCode, inputs, verdicts, figure } = await compare({}, {});
    expect({ finding, exitCode, inputs }).toEqual({ finding: 'not worse', exitCode: EXIT.pass, inputs: [] });
    expect(verdicts.map(({ id, change }) => [id, change])).toEqual([
      ['generator-valid', 'unchanged'],
      [NOT_LOST, 'unchanged'],
    ]);
    expect(figure(P99)).toMatchObject({ a: 20, b: 20, difference: 0, ratio: 1, change: 'within the noise' });
    expect(figure('lost')).toMatchObject({ change: 'unchanged', finding: 'not worse', ratio: null });
    expect(figure('CPU of k6')).toMatchObject({ change: 'not judged', finding: null });
  });

  it('are not accused for noise: at most one comparison of sixty', async () => {
    const noisy = (seed: number): Story => {
      const random = randomFrom(seed);
      let drift = 0;
      // Skewed, some slow ones among them, and what is slow stays slow for some seconds.
      return {
        write: () => {
          drift = 0.99 * drift + 0.2 * (random() - 0.5);
          return { latMs: Math.round(30 * Math.exp(drift) * (1 - 0.6 * Math.log(1 - random()))) };
        },
      };
    };
    const accused: number[] = [];
    for (let seed = 0; seed < 60; seed += 1) {
      const { finding } = await compare(noisy(2 * seed), noisy(2 * seed + 1));
      if (finding === 'worse') accused.push(seed);
    }
    expect(accused.length, `seeds ${accused.join(', ')}`).toBeLessThanOrEqual(1);
  });
});

describe('what is worse', () => {
  it('is a slower run, in the median and beyond it', async () => {
    const { finding, exitCode, figure } = await compare({}, slower(30));
    expect({ finding, exitCode }).toEqual({ finding: 'worse', exitCode: EXIT.fail });
    expect(figure(P50)).toMatchObject({
      a: 20,
      b: 50,
      ratio: 2.5,
      change: 'worse',
      reason: '+30 to +30, margin 5 ms',
    });
    expect(figure(P99)?.change).toBe('worse');
    expect((await compare(slower(30), {})).figure(P50)).toMatchObject({
      change: 'better',
      finding: 'not worse',
    });
    expect((await compare({}, slower(3))).figure(P50)?.change).toBe('within the noise');
  });

  it('is a tail that got longer, while the median stays', async () => {
    const tail: Story = { write: (index) => ({ latMs: index % 50 === 0 ? 300 : 20 }) };
    const { figure } = await compare({}, tail);
    expect([figure(P50)?.change, figure(P99)?.change]).toEqual(['within the noise', 'worse']);
  });

  it('is a run that serves less, although what it serves is quick', async () => {
    const failing: Story = { write: (index) => (index % 10 === 0 ? { outcome: 'F', status: 500 } : {}) };
    const { figure } = await compare({}, failing);
    expect(figure('served outside fault windows')).toMatchObject({ a: 1, b: 0.9, change: 'worse' });
    expect(figure('acknowledged points outside fault windows')?.change).toBe('worse');
    expect(figure(P99)?.reason).toBe('one run has 990 acknowledged writes there, and it takes 1000');
  });

  it('is one lost write more, whatever else is invalid', async () => {
    const { finding, verdict, figure } = await compare({}, losing(1));
    expect(finding).toBe('worse');
    expect(verdict(NOT_LOST)).toMatchObject({ a: 'pass', b: 'fail', change: 'worse' });
    expect(figure('lost')).toMatchObject({ a: 0, b: 1, change: 'worse' });
    const healed = await compare(losing(1), {});
    expect(healed).toMatchObject({ finding: 'not worse', exitCode: EXIT.pass });
    expect(healed.verdict(NOT_LOST)?.change).toBe('better');
    // Two that lose: how many is a matter of luck.
    const both = await compare(losing(1), losing(2));
    expect(both.verdict(NOT_LOST)?.change).toBe('unchanged');
    expect(both.figure('lost')).toMatchObject({ change: 'cannot tell', finding: 'cannot tell' });
  });
});

describe('what cannot be told', () => {
  it('is whether more is lost, where B was not read back whole, or owed nothing', async () => {
    const cutShort: Story = { stored: (text) => text.replace('end\n', '') };
    const mute: Story = { write: () => ({ outcome: 'U', status: 0 }) };
    for (const b of [cutShort, mute])
      expect((await compare({}, b)).figure('lost')).toMatchObject({
        a: 0,
        b: null,
        finding: 'cannot tell',
        reason: 'of one of the runs nobody knows what is lost',
      });
  });

  it('is what an invalid run saw', async () => {
    const busy: Story = { edit: (event) => (event.kind === 'host' ? { ...event, foreign: 0.9 } : event) };
    const { finding, exitCode, verdict, figure } = await compare({}, { ...busy, ...slower(100) });
    expect({ finding, exitCode }).toEqual({ finding: 'cannot tell', exitCode: EXIT.inconclusive });
    expect(verdict('generator-valid')).toMatchObject({ a: 'pass', b: 'invalid', change: 'cannot tell' });
    expect(figure(P50)).toMatchObject({
      change: 'cannot tell',
      reason: 'run B is invalid (generator-valid)',
    });
    expect((await compare(busy, {})).verdict('generator-valid')).toMatchObject({
      change: 'settled',
      finding: 'not worse',
    });
  });

  it('is what too few seconds or writes show, or a difference that lies across the margin', async () => {
    expect((await compare({}, { forMs: 40_000 })).figure(P99)?.reason).toBe(
      'run B has 35 s of judged load outside fault windows, and it takes 50 s',
    );
    const uneven: Story = { write: (index) => ({ latMs: index % 400 < 200 ? 20 : 40 }) };
    expect((await compare({}, uneven)).figure(P50)).toMatchObject({ change: 'cannot tell' });
    expect((await compare({ expect: [] }, { expect: [] })).figure(P50)?.reason).toMatch(/generator of run A/);
  });

  it('is a figure under another load or on another machine; the verdicts still count', async () => {
    const moved = await compare({}, { ...slower(100), ...losing(1) }, (plan) => {
      plan.machine.cpuModel = 'another';
      plan.seed = 2;
    });
    expect(moved.inputs).toEqual([
      { input: 'machine.cpuModel', a: 'told', b: 'another', ofFigures: true },
      { input: 'seed', a: '1', b: '2', ofFigures: false },
    ]);
    expect(moved.figure(P50)).toMatchObject({
      change: 'cannot tell',
      reason: 'the runs differ in machine.cpuModel',
    });
    expect(moved.finding).toBe('worse');
    const reseeded = await compare({}, slower(100), (plan) => {
      plan.seed = 2;
    });
    expect(reseeded.figure(P50)?.change).toBe('worse');
  });

  it('is a promise that only one run was asked, unless it holds or was never known', async () => {
    const fewer = { expect: [{ check: 'generator-valid' }] };
    const dropped = await compare({}, fewer);
    expect(dropped.verdict(NOT_LOST)).toMatchObject({ change: 'only in A', finding: 'cannot tell', b: null });
    expect((await compare(fewer, {})).verdict(NOT_LOST)).toMatchObject({
      change: 'only in B',
      finding: 'not worse',
    });
    expect((await compare(fewer, losing(1))).verdict(NOT_LOST)?.finding).toBe('cannot tell');
    const stopped: Story = {
      edit: (event) => (event.kind === 'run.ended' ? { ...event, interrupted: true } : event),
    };
    expect((await compare(stopped, {})).verdict('run-completed')?.finding).toBe('not worse');
    expect((await compare({}, stopped)).verdict('run-completed')?.finding).toBe('cannot tell');
  });
});
