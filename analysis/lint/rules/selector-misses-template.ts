import type { Finding } from '../finding.ts';
import { selects } from '../selector.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'A selector that misses its own pods';
export const severity = 'error';

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'];

/** Upstream: ValidateDeployment: "`selector` does not match template `labels`". */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads
    .filter(({ manifest: { kind } }) => KINDS.includes(kind))
    .filter(({ controller, labels }) => !selects(controller.selector, labels))
    .map(({ manifest }) =>
      finding(
        manifest,
        ['spec', 'selector'],
        'It does not match the labels of its own pod template, so the API server refuses the object.',
        'Repeat the labels of spec.template.metadata.labels in spec.selector.matchLabels.',
      ),
    );
}
