import { describe, expect, it } from 'vitest';
import { Scenario, type Workload } from '../record/model.ts';
import { planFaults } from './plan.ts';
import { randomFrom } from './random.ts';

const guide: Workload = {
  name: 'luminate',
  replicas: 3,
  graceMs: 30_000,
  preStopMs: 15_000,
  readiness: { delayMs: 10_000, periodMs: 5_000, timeoutMs: 3_000, failures: 3 },
  liveness: { delayMs: 30_000, periodMs: 10_000, timeoutMs: 5_000, failures: 3 },
  startup: { delayMs: 0, periodMs: 5_000, timeoutMs: 3_000, failures: 30 },
  maxSurge: 1,
  maxUnavailable: 0,
};

function scenario(forMs: number) {
  return Scenario.parse({
    name: 'soak',
    question: 'does it hold?',
    system: 'luminate',
    load: { script: 'push-metrics', ratePerS: 1_000, pointsPerWrite: 100, forMs, warmupMs: 10_000 },
    calibrate: true,
    disturb: [
      { name: 'pod-kill', fault: { chaos: 'pod-kill' } },
      { name: 'store-cut', fault: { chaos: 'store-partition' }, forMs: 'below-liveness' },
      { name: 'rollout', fault: 'rollout-restart' },
    ],
    good: { served: 0.999, latencyMs: 1_000, bins: 5 },
    expect: [{ check: 'no-acknowledged-write-lost' }],
  });
}

const plan = (seed: number, forMs = 270_000) =>
  planFaults({
    scenario: scenario(forMs),
    workload: guide,
    durationsMs: {},
    startMs: 1_500,
    faultLagMs: 0,
    notRun: {},
    random: randomFrom(seed),
  });

describe('planFaults', () => {
  it('is the same for the same seed and another for another', () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
  });

  it('never lets two slots overlap, for any seed, and ends before the load does', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const faults = plan(seed);
      faults.forEach((fault, index) => {
        const next = faults[index + 1]?.atMs ?? 270_000;
        expect(fault.atMs + fault.slotMs).toBeLessThanOrEqual(next);
      });
      expect(faults[0]?.atMs).toBeGreaterThanOrEqual(10_000 + 8_000);
    }
  });

  it('keeps a cut below (failureThreshold - 1) x period, whatever the phase of the probes', () => {
    const cut = plan(1).find((fault) => fault.name === 'store-cut');
    expect(cut?.forMs).toBe(18_000);
  });

  it('says how long the load must be, and why, when it is too short', () => {
    expect(() => plan(1, 60_000)).toThrow(/60s|1m of load is too short.*luminate.*rollout.*--for/s);
  });
});
