import { describe, expect, it } from 'vitest';
import { loadData, type LoadObjects, runnerJob } from './job.ts';
import { runnerTestRun } from './testrun.ts';

const load: LoadObjects = {
  namespace: 'ns',
  runId: 'r1',
  base: 'load',
  count: 3,
  scriptJs: 'export default () => {};',
  image: 'proofload-runner:2',
  env: { URL: 'http://svc/w', TOKEN: 'geheim' },
  ratePerS: 30,
  vus: 12,
  forMs: 1_000,
  deadlineMs: 90_500,
};
const labels = { 'proofload.dev/run': 'r1', 'proofload.dev/load': 'load' };

describe('the Job', () => {
  it('runs each index once, for a bounded time, ready as soon as k6 answers', () => {
    expect(runnerJob(load)).toMatchObject({
      metadata: { name: 'load', namespace: 'ns', labels },
      spec: {
        completionMode: 'Indexed',
        completions: 3,
        parallelism: 3,
        backoffLimitPerIndex: 0,
        activeDeadlineSeconds: 91,
        ttlSecondsAfterFinished: 600,
        template: {
          metadata: { labels },
          spec: {
            restartPolicy: 'Never',
            automountServiceAccountToken: false,
            topologySpreadConstraints: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } },
            ],
            containers: [
              {
                image: 'proofload-runner:2',
                envFrom: [{ secretRef: { name: 'load' } }],
                readinessProbe: { tcpSocket: { port: 6565 }, periodSeconds: 1 },
                resources: { limits: { memory: '268Mi' } },
              },
            ],
          },
        },
      },
    });
  });

  it('has nothing of a name or a number in its shell script', () => {
    const { containers } = (
      runnerJob({ ...load, base: 'zebra', vus: 77, ratePerS: 4_711 })['spec'] as {
        template: { spec: { containers: { args: string[] }[] } };
      }
    ).template.spec;
    expect(containers[0]?.args.join('\n')).not.toMatch(/zebra|77|4711/);
    expect(containers[0]?.args).toEqual([expect.stringContaining('exec k6 run')]);
  });

  it('finds script and environment, all of them labelled', () => {
    expect(loadData(load)).toEqual([
      expect.objectContaining({ kind: 'ConfigMap', data: { 'script.js': load.scriptJs } }),
      expect.objectContaining({ kind: 'Secret', stringData: load.env }),
    ]);
    for (const { metadata } of loadData(load)) expect(metadata.labels).toEqual(labels);
  });
});

it('the TestRun gives the operator exact arguments, and each runner its name', () => {
  expect(runnerTestRun(load)).toMatchObject({
    apiVersion: 'k6.io/v1alpha1',
    kind: 'TestRun',
    spec: {
      parallelism: 3,
      script: { configMap: { name: 'load', file: 'script.js' } },
      args: ['--no-thresholds', '--log-format=raw', '--log-output=stderr'],
      runner: {
        image: 'proofload-runner:2',
        metadata: { labels },
        envFrom: [{ secretRef: { name: 'load' } }],
        env: expect.arrayContaining([
          {
            name: 'RUNNER',
            valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-name']" } },
          },
        ]) as unknown,
      },
    },
  });
});
