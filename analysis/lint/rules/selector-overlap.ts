import type { Finding } from '../finding.ts';
import { selects } from '../selector.ts';
import { finding, type ManifestSet, titleOf, together } from '../set.ts';

export const title = 'A selector that matches the pods of another workload';
export const severity = 'error';

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'];

/** Kubernetes: Deployments, "Selector": must not overlap. The HPA's pods are all those that the scale's selector matches (replica_calculator.go). */
export function find({ workloads }: ManifestSet): Finding[] {
  const own = workloads.filter(({ manifest: { kind } }) => KINDS.includes(kind));
  return own.flatMap((workload) =>
    own
      .filter((other) => other !== workload && together(other.manifest, workload.manifest))
      .filter((other) => selects(workload.controller.selector, other.labels))
      .map((other) =>
        finding(
          workload.manifest,
          ['spec', 'selector'],
          `It also matches the pods of ${titleOf(other.manifest)} (${other.manifest.file}:${other.manifest.lineAt([])}): an HPA on it counts their usage as its own, and budgets and replica counts mix them.`,
          'Give each workload a label of its own, e.g. app.kubernetes.io/component, in selector and template.',
        ),
      ),
  );
}
