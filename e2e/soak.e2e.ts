/** The main job, as `make soak` does it, and the run that must not be believed. */
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { EXIT } from '../record/model.ts';
import { expectHeld, FULL, judgedRun, red, start } from './proofload.ts';

it('soaks, and loses nothing that was acknowledged', async () => {
  const run = await judgedRun(['soak'], { again: ['--rate', '500'] });
  expectHeld(run);
  const figure = (name: string) =>
    run.figures.find((candidate) => candidate.name === name)?.value ?? Number.NaN;
  // A machine that is too slow says so (`not_run`, with its ceiling); where the promise was judged, it held.
  const promised = run.verdicts.find(({ check }) => check === 'throughput');
  expect(['pass', 'not_run']).toContain(promised?.verdict);
  expect(figure('lost')).toBe(0);
  expect(figure('CPU of supervisor')).toBeLessThan(0.05);
  process.stderr.write(run.figures.map(({ name, value, unit }) => `  ${name}: ${value} ${unit}\n`).join(''));
});

it('is invalid when somebody else uses the machine', async () => {
  const running = start(['run', 'control', '--for', '40s', '--rate', '300', '--json']);
  await running.shows('phase baseline');
  const burners = [1, 2].map(() =>
    spawn(process.execPath, ['-e', 'for (const end = Date.now() + 120_000; Date.now() < end; );'], {
      stdio: 'ignore',
    }),
  );
  const { code, stdout } = await running.ended;
  for (const burner of burners) burner.kill('SIGKILL');
  expect(code, stdout).toBe(EXIT.invalid);
  expect(stdout).toMatch(/generator-valid/);
});

it.runIf(FULL)(
  'shows that a long store cut restarts every pod: a finding about the manifest (LUM-22)',
  async () => {
    const run = await judgedRun(['store-cut-60s']);
    const failing = run.verdicts.filter((verdict) => verdict.verdict === 'fail');
    expect(
      failing.map((verdict) => verdict.check),
      red(run).join('\n'),
    ).toEqual(['no-restarts']);
    expect(failing[0]?.reason).toMatch(/luminate-.*luminate-.*luminate-/s);
  },
);
