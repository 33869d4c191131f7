import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, titleOf, together } from '../set.ts';

export const title = 'An HPA whose target is not among the manifests';
export const severity = 'warning';

/** Upstream: FailedGetScale in horizontal.go. */
export function find({ scalers, all }: ManifestSet): Finding[] {
  return scalers
    .filter(
      ({ target, manifest }) =>
        !all.some(
          (other) => other.kind === target.kind && other.name === target.name && together(other, manifest),
        ),
    )
    .map(({ manifest, target }) => {
      const near = all.filter(({ kind }) => kind === target.kind).map(({ name }) => name);
      return finding(
        manifest,
        ['spec', 'scaleTargetRef'],
        `It scales ${titleOf(target)}, and these manifests have no such object: unless another set brings it, the HPA reports FailedGetScale and does nothing.`,
        near.length === 0
          ? `Add ${titleOf(target)}, or lint both sets together.`
          : `Correct the name (there is: ${near.join(', ')}), or lint both sets together.`,
      );
    });
}
