/** A small run as data, for the tests of whatever reads a plan or a verdict. Nothing else uses it. */
import { EXIT, overall, type Plan, type Verdict, type VerdictFile } from './model.ts';

export const SAMPLE_PLAN: Plan = {
  schemaVersion: 1,
  runId: 'sample-1',
  scenario: {
    name: 'pod-loss',
    question: 'Does the deployment lose acknowledged writes when pods die?',
    system: 'luminate',
    overlay: 'one-machine',
    load: { script: 'ingest', ratePerS: 200, pointsPerWrite: 50, forMs: 120_000, warmupMs: 5_000 },
    calibrate: true,
    disturb: [{ name: 'kill', fault: { chaos: 'pod-kill' } }],
    good: { served: 0.99, latencyMs: 500, bins: 5 },
    expect: [{ check: 'no-lost-writes' }],
  },
  platform: 'local',
  seed: 42,
  faults: [
    { name: 'kill', fault: { chaos: 'pod-kill' }, atMs: 30_000, slotMs: 20_000 },
    { name: 'cut', fault: { chaos: 'store-partition' }, atMs: 60_000, forMs: 10_000, slotMs: 30_000 },
  ],
  workload: { name: 'luminate', replicas: 3, graceMs: 30_000, preStopMs: 0, maxSurge: 1, maxUnavailable: 0 },
  versions: { proofload: '0.1.0' },
  machine: { cpus: 2, memoryMb: 7_800, cpuModel: 'Example CPU' },
};

/** A verdict on one promise; what a test does not name is filled in. */
export function sampleVerdict(over: Partial<Verdict>): Verdict {
  return {
    id: 'no-lost-writes',
    check: 'no-lost-writes',
    title: 'No acknowledged write is lost',
    verdict: 'pass',
    optional: false,
    reason: '0 lost of 24,000 acknowledged writes (at most 0.0125 % at 95 %)',
    evidence: ['ledger/load.log'],
    ...over,
  };
}

/** The file around these verdicts, its outcome and exit code by the rules of `overall`. */
export function sampleVerdictFile(verdicts: Verdict[], over: Partial<VerdictFile> = {}): VerdictFile {
  const verdict = overall(verdicts);
  return {
    schemaVersion: 1,
    runId: SAMPLE_PLAN.runId,
    scenario: SAMPLE_PLAN.scenario.name,
    platform: SAMPLE_PLAN.platform,
    verdict,
    exitCode: EXIT[verdict],
    rehearsal: true,
    verdicts,
    figures: [],
    remarks: [],
    ...over,
  };
}

/** One promise of each outcome, the broken one last. */
export const SAMPLE_VERDICTS: readonly Verdict[] = [
  sampleVerdict({ windowMs: [5_000, 120_000] }),
  sampleVerdict({
    id: 'alerts-fire',
    check: 'alerts-fire',
    title: 'Alerts fire in time',
    verdict: 'not_run',
    optional: true,
    reason: 'this platform has no Prometheus',
  }),
  sampleVerdict({
    id: 'recovers@cut',
    check: 'recovers',
    title: 'Service is back in time',
    verdict: 'inconclusive',
    reason: 'only 12 writes fell into the window',
    windowMs: [65_000, 76_500],
  }),
  sampleVerdict({
    id: 'rollout-serves',
    check: 'rollout-serves',
    title: 'A rollout refuses no write',
    verdict: 'invalid',
    reason: 'the load generator dropped 3.1 % of its iterations',
    observed: { value: 3.1, unit: '%' },
    expected: { value: 0.1, unit: '%' },
  }),
  sampleVerdict({
    id: 'no-lost-writes@kill',
    verdict: 'fail',
    reason: '3 of 812 writes acknowledged in the window are missing: load 2:17, load 2:18, load 4:9',
    observed: { value: 3, unit: 'writes' },
    expected: { value: 0, unit: 'writes' },
    windowMs: [35_200, 48_900],
    evidence: ['ledger/load.log', 'ledger/load.stored'],
  }),
];
