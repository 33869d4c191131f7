import { expect, it } from 'vitest';
import { controllerManager, metricsServer } from './components.ts';

const hpaFlags = (argv: readonly string[]) => argv.filter((word) => word.includes('autoscaler')).sort();
const resolution = (argv: readonly string[]) => argv.filter((word) => word.includes('resolution'));

it('starts the HPA with the defaults of Kubernetes, and samples of 10 s', () => {
  expect(hpaFlags(controllerManager({}).argv)).toEqual([]);
  expect(resolution(metricsServer({ paths: {} }, {}).argv)).toEqual(['--metric-resolution=10000ms']);
});

it('hands on what was asked for, and nothing else', () => {
  const pace = {
    hpaSyncMs: 5_000,
    hpaTolerance: 0.3,
    hpaDownscaleStabilizationMs: 30_000,
    metricResolutionMs: 15_000,
  };
  expect(hpaFlags(controllerManager(pace).argv)).toEqual([
    '--horizontal-pod-autoscaler-downscale-stabilization=30000ms',
    '--horizontal-pod-autoscaler-sync-period=5000ms',
    '--horizontal-pod-autoscaler-tolerance=0.3',
  ]);
  expect(hpaFlags(controllerManager({ hpaTolerance: 0 }).argv)).toEqual([
    '--horizontal-pod-autoscaler-tolerance=0',
  ]);
  expect(resolution(metricsServer({ paths: {} }, pace).argv)).toEqual(['--metric-resolution=15000ms']);
});
