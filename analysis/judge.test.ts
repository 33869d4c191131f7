import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EXIT, VerdictFile } from '../record/model.ts';
import type { CheckModule } from './check.ts';
import { judgeRun } from './judge.ts';
import { faultEvents, type Story, viewOf } from './testing.ts';

const told: CheckModule = {
  title: 'Told',
  scope: 'either',
  restsOn: 'load',
  options: z.strictObject({ atLeast: z.number().default(1) }),
  judge: (_, options, { during }) => ({
    verdict: 'pass',
    reason: `${JSON.stringify(options)} ${during}`,
    evidence: ['plan.json'],
  }),
};
const judge = (story: Story, module: CheckModule = told) =>
  judgeRun(viewOf(story), () => Promise.resolve(module));

describe('judgeRun', () => {
  it('gives a whole, valid verdict file', async () => {
    const file = await judge({ expect: [{ check: 'told', atLeast: 2 }] });
    expect(VerdictFile.parse(file)).toEqual(file);
    expect(file).toMatchObject({ verdict: 'pass', exitCode: EXIT.pass, rehearsal: true });
    expect(file.verdicts).toMatchObject([
      { id: 'told', title: 'Told', optional: false, reason: '{"atLeast":2} undefined' },
    ]);
    const figure = (name: string) => file.figures.find((f) => f.name === name)?.value;
    expect(figure('acknowledged writes')).toBe(1_200);
    expect(figure('acknowledged points outside fault windows')).toBe(2_000);
    expect(figure('p99 outside fault windows')).toBe(20);
    expect(figure('CPU of k6')).toBeCloseTo(0.3);
    expect([figure('lost'), figure('duplicates'), figure('dropped')]).toEqual([0, 0, 0]);
  });

  it('gives no zero for losses and duplicates that nobody could know', async () => {
    const figures = async (story: Story) => {
      const file = await judge(story);
      return ['lost', 'duplicates'].map((name) => file.figures.find((f) => f.name === name)?.value);
    };
    const cutShort = (text: string) => text.replace('end\n', '');
    expect(await figures({ stored: cutShort })).toEqual([null, null]);
    expect(await figures({ write: () => ({ outcome: 'U', status: 0 }) })).toEqual([null, null]);
    expect(await figures({ edit: (event) => (event.kind === 'readback' ? null : event) })).toEqual([
      null,
      null,
    ]);
    // What was seen stays.
    const twice = (text: string) => text.replace('1:2-2\n', '1:2-2 x2\n');
    expect(await figures({ stored: (text) => cutShort(twice(text)) })).toEqual([null, 1]);
    const missing = { log: (text: string) => text.replace(/^A 3:5 .*\n/m, '') };
    expect(await figures({ ...missing, stored: (text) => text.replace('1:2-2\n', '') })).toEqual([1, null]);
  });

  it('counts what is kept among the dead letters alone, where anything is', async () => {
    const figure = async (story: Story) =>
      (await judge(story)).figures.find(({ name }) => name === 'dead letters');
    expect(await figure({})).toBeUndefined();
    const dead = (text: string) => text.replace('1:2-2\n', '1:2-2 dead\n1:3-3 dead\n');
    expect(await figure({ stored: dead })).toEqual({ name: 'dead letters', value: 1, unit: 'writes' });
  });

  it('names a verdict by its check and fault, and numbers the second of a name', async () => {
    const file = await judge({
      faults: [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 }],
      events: faultEvents('cut', 21_000, 26_000),
      expect: [{ check: 'told', during: 'cut' }, { check: 'told' }, { check: 'told', atLeast: 3 }],
    });
    expect(file.verdicts.map(({ id }) => id)).toEqual(['told@cut', 'told', 'told#2']);
    expect(file.figures).toContainEqual({ name: 'recovery from cut', value: 0, unit: 's', fault: 'cut' });
    expect(file.figures).toContainEqual({ name: 'RPO of cut', value: 0, unit: 'writes', fault: 'cut' });
    expect(file.costs?.map(({ fault }) => fault)).toEqual(['cut']);
    expect(VerdictFile.parse(file)).toEqual(file);
  });

  it('turns a check that throws into invalid, with its words', async () => {
    const broken = {
      ...told,
      judge: () => {
        throw new Error('no such thing');
      },
    };
    const file = await judge({}, broken);
    expect(file).toMatchObject({ verdict: 'invalid', exitCode: EXIT.invalid });
    expect(file.verdicts[0]).toMatchObject({
      id: 'told',
      title: 'Told',
      reason: 'the check failed: no such thing',
    });
  });

  it('turns a wrong option, and a check that cannot be loaded, into invalid', async () => {
    const wrong = await judge({ expect: [{ check: 'told', atMost: 2 }] });
    expect(wrong.verdicts[0]).toMatchObject({
      verdict: 'invalid',
      reason: expect.stringContaining('atMost'),
    });
    const gone = await judgeRun(viewOf(), () => Promise.reject(new Error('no file')));
    expect(gone.verdicts[0]).toMatchObject({ verdict: 'invalid', reason: 'the check failed: no file' });
  });

  it('a crash is a verdict of its own, with its own exit code', async () => {
    const file = await judge({ events: [{ at: 9, kind: 'run.crashed', phase: 'disturb', message: 'boom' }] });
    expect(file.verdicts[0]).toMatchObject({
      id: 'run-completed',
      verdict: 'invalid',
      reason: expect.stringContaining('boom'),
    });
    expect(file).toMatchObject({ verdict: 'invalid', exitCode: EXIT.crash });
  });

  it('a history without an end is that of a killed harness', async () => {
    const file = await judge({ edit: (event) => (event.kind === 'run.ended' ? null : event) });
    expect(file.verdicts[0]).toMatchObject({ id: 'run-completed', verdict: 'invalid' });
  });

  it('asks nothing of a fault that an interrupted run never came to', async () => {
    const file = await judge({
      faults: [{ name: 'cut', fault: { chaos: 'cut' } }],
      expect: [{ check: 'told', during: 'cut' }, { check: 'told' }],
      edit: (event) => (event.kind === 'run.ended' ? { ...event, interrupted: true } : event),
    });
    expect(file.verdicts.map(({ id, verdict }) => [id, verdict])).toEqual([
      ['run-completed', 'inconclusive'],
      ['told@cut', 'not_run'],
      ['told', 'pass'],
    ]);
    expect(file.exitCode).toBe(EXIT.inconclusive);
  });

  describe('broken instruments', () => {
    const broken: CheckModule = {
      ...told,
      judge: () => ({ verdict: 'fail', reason: 'slow.', evidence: ['x'] }),
    };
    const generator: CheckModule = {
      ...told,
      judge: () => ({ verdict: 'invalid', reason: 'others used the machine.', evidence: ['x'] }),
    };
    const expectations = [{ check: 'generator-valid' }, { check: 'told' }];
    const judgeBoth = (story: Story, restsOn: CheckModule['restsOn'], instruments = generator) =>
      judgeRun(viewOf({ expect: expectations, ...story }), (name) =>
        Promise.resolve(name === 'generator-valid' ? instruments : { ...broken, restsOn }),
      );

    it('are not held against the system: a fail that rests on the load becomes invalid, with both reasons', async () => {
      const file = await judgeBoth({}, 'load');
      expect(file).toMatchObject({ verdict: 'invalid', exitCode: EXIT.invalid });
      expect(file.verdicts[1]).toMatchObject({
        id: 'told',
        verdict: 'invalid',
        reason: expect.stringMatching(/generator-valid: others used the machine\).*what was seen: slow\./),
      });
    });

    it('leave a fail of the ledger as it is', async () => {
      expect(await judgeBoth({}, 'ledger')).toMatchObject({ verdict: 'fail', exitCode: EXIT.fail });
    });

    it('are also a crashed harness, a killed one and a damaged history; else a fail stays one', async () => {
      const crashed: Story = { events: [{ at: 9, kind: 'run.crashed', phase: 'disturb', message: 'boom' }] };
      const killed: Story = { edit: (event) => (event.kind === 'run.ended' ? null : event) };
      expect((await judgeBoth(crashed, 'load', told)).exitCode).toBe(EXIT.crash);
      expect((await judgeBoth(killed, 'load', told)).exitCode).toBe(EXIT.invalid);
      expect((await judgeBoth({}, 'load', told)).exitCode).toBe(EXIT.fail);
    });
  });

  it('a damaged line of the history makes the run invalid, and names it', async () => {
    const file = await judgeRun({ ...viewOf(), damaged: { count: 7, lines: [12, 40] } }, () =>
      Promise.resolve(told),
    );
    expect(file).toMatchObject({ verdict: 'invalid', exitCode: EXIT.invalid });
    expect(file.verdicts[0]).toMatchObject({
      id: 'record-whole',
      reason: expect.stringContaining('7 lines of history.jsonl are no events: line 12, 40 and 5 more'),
    });
  });

  it('an aborted run says why', async () => {
    const file = await judge({
      events: [
        { at: 9, kind: 'run.aborted', phase: 'baseline', why: 'not healthy', verdict: 'inconclusive' },
      ],
    });
    expect(file.verdicts[0]).toMatchObject({
      id: 'run-completed',
      verdict: 'inconclusive',
      reason: 'stopped in "baseline": not healthy',
    });
  });
});
