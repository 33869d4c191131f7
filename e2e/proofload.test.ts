import { describe, expect, it } from 'vitest';
import { EXIT, type Outcome, overall, type Verdict } from '../record/model.ts';
import { expectFound, expectHeld, type JudgedRun, machineHeldUp } from './proofload.ts';

const STOLEN = 'the hypervisor took 12.30 % of the machine from 31.0 s to 41.0 s (and in 2 more windows).';

const said = (check: string, verdict: Outcome, reason = '', optional = false): Verdict => ({
  id: check,
  check,
  title: check,
  verdict,
  optional,
  reason,
  evidence: ['x'],
});

function run(...verdicts: Verdict[]): JudgedRun {
  const verdict = overall(verdicts);
  return {
    schemaVersion: 1,
    runId: 'r',
    scenario: 'soak',
    platform: 'local',
    verdict,
    exitCode: EXIT[verdict],
    rehearsal: true,
    verdicts,
    figures: [],
    remarks: [],
    runDir: 'out/r',
  };
}

describe('a sound system is asked to keep each promise', () => {
  const taken = said('generator-valid', 'invalid', STOLEN);
  const kept = said('served', 'pass');

  it.each<[string, JudgedRun]>([
    ['in a run that passed', run(said('generator-valid', 'pass'), kept)],
    [
      'also where the hypervisor took the machine',
      run(taken, kept, said('throughput', 'not_run', 'carries less', true)),
    ],
  ])('%s', (_, held) => {
    expect(() => expectHeld(held)).not.toThrow();
  });

  it.each<[string, JudgedRun]>([
    ['a broken promise', run(said('generator-valid', 'pass'), said('served', 'fail'))],
    ['one that cannot be told', run(said('generator-valid', 'pass'), said('served', 'inconclusive'))],
    ['a broken promise beside the hypervisor', run(taken, said('stored-once', 'fail'))],
    [
      'one that is not held against the system',
      run(taken, said('served', 'invalid', `not held against the system (generator-valid: ${STOLEN})`)),
    ],
    ['one that was not asked', run(taken, said('served', 'not_run'))],
    [
      'a load that was not sent',
      run(said('generator-valid', 'invalid', `20 of 1100 arrivals (1.82 %) were dropped; ${STOLEN}`), kept),
    ],
    ['the hypervisor, and something else', run({ ...taken, reason: `${STOLEN.slice(0, -1)}; pipe.` }, kept)],
    ['others of another kind', run({ ...taken, reason: STOLEN.replace('the hypervisor', 'others') }, kept)],
    ['no verdict at all', run()],
  ])('and %s is a failure', (_, broken) => {
    expect(() => expectHeld(broken)).toThrow();
  });
});

describe('a defect is asked to turn exactly its checks red', () => {
  const taken = said('generator-valid', 'invalid', STOLEN);
  const seen = (check: string) =>
    said(
      check,
      'invalid',
      `not held against the system (generator-valid: ${STOLEN}); what was seen: 3 lost.`,
    );

  it('by their failing, or by what they saw where the hypervisor took the machine', () => {
    const failed = run(said('generator-valid', 'pass'), said('stored-once', 'fail', '7 twice.'));
    expect(expectFound(failed, ['stored-once']).reason).toBe('7 twice.');
    expect(expectFound(run(taken, seen('served')), ['served']).reason).toContain('3 lost');
    expect(
      expectFound(run(taken, seen('served'), said('stored-once', 'fail')), ['served', 'stored-once']).check,
    ).toBe('served');
  });

  it.each<[string, JudgedRun]>([
    ['nothing found', run(said('generator-valid', 'pass'), said('served', 'pass'))],
    ['another check', run(said('generator-valid', 'pass'), said('stored-once', 'fail'))],
    ['one more', run(taken, seen('served'), seen('latency'))],
    ['a check that broke', run(taken, said('served', 'invalid', 'the check failed: boom'))],
    ['a load that was not sent', run({ ...taken, reason: `dropped; ${STOLEN}` }, seen('served'))],
  ])('and %s is a failure', (_, other) => {
    expect(() => expectFound(other, ['served'])).toThrow();
  });
});

describe('a machine that held the load up is told from anything else', () => {
  const DROPPED = '20 of 6600 arrivals (0.30 %) were dropped outside fault windows';
  const LATE = 'the generator started 99 of 6600 writes (1.50 %) more than 250 ms late outside fault windows';
  it.each([STOLEN, `${DROPPED}.`, `${DROPPED}; ${LATE}; ${STOLEN}`])('%s', (reason) => {
    expect(machineHeldUp(said('generator-valid', 'invalid', reason))).toBe(true);
  });

  it.each<[string, Verdict]>([
    ['another check', said('served', 'invalid', STOLEN)],
    ['a pass', said('generator-valid', 'pass', '0 of 6600 arrivals dropped')],
    ['a killed generator', said('generator-valid', 'invalid', 'the generator ended by SIGKILL (killed).')],
    [
      'one beside it',
      said('generator-valid', 'invalid', `${DROPPED}; the load was not observed from 1 s to 3 s`),
    ],
  ])('%s', (_, verdict) => {
    expect(machineHeldUp(verdict)).toBe(false);
  });
});
