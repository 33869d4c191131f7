/**
 * The same load as a `TestRun` of the k6-operator, where a cluster has one: the operator makes a Job for each runner, gives it its
 * segment, and releases all of them one after the other. Its stage says nothing about how the runners ended, so nobody asks it.
 */
import { UsageError } from '../../../record/model.ts';
import type { Cluster, KindRef, KubeObject } from '../cluster.ts';
import {
  CONTAINER_SECURITY,
  K6_ARGS,
  k6Environment,
  loadLabels,
  loadMeta,
  type LoadObjects,
  POD_SECURITY,
  runnerContainer,
  SCRIPT_KEY,
  spread,
} from './job.ts';

const TEST_RUN: KindRef = { apiVersion: 'k6.io/v1alpha1', kind: 'TestRun' };

/** Throws UsageError where the kind is not served: nothing would ever start. */
export async function checkTestRunServed(cluster: Pick<Cluster, 'serves' | 'context'>): Promise<void> {
  if (await cluster.serves(TEST_RUN)) return;
  throw new UsageError(
    `the cluster of context "${cluster.context}" serves no ${TEST_RUN.kind} (${TEST_RUN.apiVersion}); install the k6-operator (1.6 or later, for spec.args), or use --runner-kind job`,
  );
}

export function runnerTestRun(load: LoadObjects): KubeObject {
  const { base, count, image } = load;
  return {
    ...TEST_RUN,
    metadata: loadMeta(load),
    spec: {
      parallelism: count,
      script: { configMap: { name: base, file: SCRIPT_KEY } },
      // Exactly these words; `arguments` would go through a shell.
      args: [...K6_ARGS],
      quiet: 'true',
      // It would only say what the first runner says as well, and fails without a word where its output is no JSON.
      initializer: { disabled: true },
      runner: {
        image,
        metadata: { labels: loadLabels(load) },
        automountServiceAccountToken: 'false',
        env: [
          ...k6Environment(load),
          // The operator names the Job of each runner `<TestRun>-<number from 1>`: that is the runner's name.
          {
            name: 'RUNNER',
            valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-name']" } },
          },
        ],
        envFrom: [{ secretRef: { name: base } }],
        securityContext: POD_SECURITY,
        containerSecurityContext: CONTAINER_SECURITY,
        topologySpreadConstraints: [spread(load)],
        ...runnerContainer(load),
      },
    },
  };
}
