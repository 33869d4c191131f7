/**
 * The real HPA controller on a bare cluster, judged: from 3 pods to 10 and back under load, and then with something wrong, which has to be
 * named for what it is. Sync period and scale-down window are scaled (5 s and 30 s), and the report of each run says so.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startComponent, stopComponent } from '../platforms/bare/component-processes.ts';
import { runningState, writeState } from '../platforms/bare/state.ts';
import { EXIT, type Verdict } from '../record/model.ts';
import { down, kubectl, marksInCluster, up, whyNoCluster, without } from './bare.ts';
import { expectHeld, FULL, type JudgedRun, judgedRun, red, start, type Started } from './proofload.ts';

const PACE = ['--hpa-sync', '5s', '--hpa-downscale-stabilization', '30s'];
const NAMESPACE = ['-n', 'luminate'];
const RUN = ['scale-out-and-back', '--on', 'bare'];
const CONTROLLER = 'kube-controller-manager';

const why = whyNoCluster();
if (why !== null) process.stderr.write(`skipped: ${why}\n`);

describe.skipIf(why !== null)('the HPA on a bare cluster', () => {
  beforeAll(async () => {
    await down();
    await up(...PACE);
  });
  afterAll(() => down());

  it.each(FULL ? [1, 2, 3, 4, 5] : [1])(
    'goes from 3 to 10 and back as its spec allows, run %i',
    async (seed) => {
      const run = await judgedRun([...RUN, '--seed', String(seed)]);
      expectHeld(run);
      expect(of(run, 'hpa-follows-spec').observed?.value).toBeGreaterThanOrEqual(80);
      expect(of(run, 'hpa-follows-spec').reason).toMatch(/at most [12] legal sizes/);
      for (const check of ['hpa-follows-spec', 'scales-out', 'scales-back'])
        process.stderr.write(`  ${of(run, check).reason}\n`);
      expect(await marksInCluster()).toEqual([]);
    },
  );

  it.each(FULL ? ['drain-under-load', 'rollout-under-load', 'scale-down-under-load'] : ['drain-under-load'])(
    '%s loses no request',
    async (scenario) => {
      const run = await judgedRun([scenario, '--on', 'bare'], { again: ['--rate', '500'] });
      expectHeld(run);
      expect(of(run, 'no-request-lost').reason).toMatch(/none of [1-9]\d* requests was lost/);
      process.stderr.write(`  ${of(run, 'no-request-lost').reason}\n`);
    },
  );

  it.runIf(FULL).each([
    ['exits-on-sigterm', 'rollout-under-load', 'not-drained'],
    ['ignore-sigterm', 'rollout-under-load', 'sigterm-ignored'],
    ['ready-too-early', 'rollout-under-load', 'ready-too-early'],
    ['never-closes-keep-alive', 'rollout-under-load', 'keep-alive-race'],
    ['closes-listener-at-once', 'rollout-without-prestop', 'listener-closed-before-endpoints'],
  ])('defect %s costs requests in %s, and the cause is %s', async (defect, scenario, cause) => {
    const run = await judgedRun([scenario, '--on', 'bare', '--defect', defect]);
    const { verdict, reason } = of(run, 'no-request-lost');
    expect(verdict, reason).toBe('fail');
    expect(reason).toMatch(new RegExp(`: ${cause} \\d+ \\(`));
    process.stderr.write(`  ${defect}: ${reason}\n`);
  });

  // Each ends as soon as there was time enough to see it: what comes after would say nothing more.
  describe.runIf(FULL)('names', () => {
    it('a tolerance that is not the one it was told', async () => {
      await restartController((argv) => [...argv, '--horizontal-pod-autoscaler-tolerance=1.5']);
      try {
        const run = await play((running) => surged(running, 60_000));
        expect(of(run, 'hpa-follows-spec').verdict, red(run).join('\n')).toBe('fail');
        expect(of(run, 'hpa-follows-spec').reason).toMatch(/as with .*tolerance/);
      } finally {
        await restartController((argv) => argv);
      }
    });

    it('a changed behavior, and a second writer of replicas', async () => {
      const behavior = { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 15 }] } };
      const run = await play(async (running) => {
        await surged(running, 5_000);
        await kubectl(
          'patch',
          'hpa',
          'luminate-hpa',
          ...NAMESPACE,
          '--type=merge',
          '-p',
          json({ spec: { behavior } }),
        );
        await surged(running, 30_000);
        await kubectl('scale', 'deployment', 'luminate', ...NAMESPACE, '--replicas=10');
        await pause(20_000); // it has several syncs to answer in
      });
      expect(of(run, 'hpa-follows-spec').verdict, red(run).join('\n')).toBe('pass');
      expect(of(run, 'hpa-follows-spec').reason).toMatch(/spec was changed.*behavior/);
      expect(of(run, 'hpa-steady').verdict, red(run).join('\n')).toBe('fail');
      expect(of(run, 'hpa-steady').reason).toMatch(/kubectl/);
    });

    it('a metrics-server that is gone', async () => {
      const run = await play(async (running) => {
        await surged(running, 0);
        await without('metrics-server', () => pause(120_000)); // past the time that metrics may take to come
      });
      expect(of(run, 'hpa-can-work').verdict, red(run).join('\n')).toBe('fail');
      expect(of(run, 'hpa-can-work').reason).toMatch(/no metrics/);
    });

    it('a request that is missing', async () => {
      // Without a request the limit would stand in for it.
      const patch = ['requests', 'limits'].map((field) => ({
        op: 'remove',
        path: `/spec/template/spec/containers/0/resources/${field}/cpu`,
      }));
      const run = await play(async (running) => {
        await surged(running, 0);
        await kubectl('patch', 'deployment', 'luminate', ...NAMESPACE, '--type=json', '-p', json(patch));
        await surged(running, 60_000);
      });
      expect(of(run, 'hpa-can-work').verdict, red(run).join('\n')).toBe('fail');
      expect(of(run, 'hpa-can-work').reason).toMatch(/no request/);
    });

    it('nodes without room for more', async () => {
      const nodes = ['node-a', 'node-b'];
      try {
        const run = await play(async (running) => {
          await running.shows('phase disturb');
          await kubectl('cordon', ...nodes);
          await surged(running, 60_000);
        });
        expect(of(run, 'hpa-follows-spec').verdict, red(run).join('\n')).not.toBe('fail');
        expect(of(run, 'hpa-steady').verdict, red(run).join('\n')).toBe('fail');
        expect(of(run, 'hpa-steady').reason).toMatch(/Unschedulable|unschedulable/);
      } finally {
        await kubectl('uncordon', ...nodes);
      }
    });
  });
});

/** Resolves that long after the surge was seen acting: a length of the load, not a wait for something. */
async function surged(running: Started, forMs: number): Promise<void> {
  await running.shows('fault surge: injected');
  await pause(forMs);
}

/** Plays the scenario while `meddle` goes on beside it, and ends it in good order when that is through. */
async function play(meddle: (running: Started) => Promise<void>): Promise<JudgedRun> {
  const running = start(['run', ...RUN, '--json']);
  try {
    await meddle(running);
  } finally {
    process.kill(running.pid, 'SIGTERM');
  }
  const { code, stdout, stderr } = await running.ended;
  expect([EXIT.fail, EXIT.invalid, EXIT.inconclusive], stderr.slice(-2_000)).toContain(code);
  return JSON.parse(stdout) as JudgedRun;
}

const json = (value: unknown) => JSON.stringify(value);

function of(run: JudgedRun, check: string): Verdict {
  const found = run.verdicts.find((verdict) => verdict.check === check);
  if (found === undefined) throw new Error(`no verdict of ${check}:\n${red(run).join('\n')}`);
  return found;
}

/** Starts the controller manager anew with another command line, which the cluster's own record does not learn of. */
async function restartController(change: (argv: string[]) => string[]): Promise<void> {
  const state = runningState();
  const component = state.components[CONTROLLER];
  if (component === undefined) throw new Error(`the cluster has no ${CONTROLLER}`);
  const { argv } = component;
  await stopComponent(state, CONTROLLER);
  await kubectl('delete', 'lease', '-n', 'kube-system', CONTROLLER);
  component.argv = change([...argv]);
  await startComponent(state, CONTROLLER);
  component.argv = argv;
  writeState(state);
}
