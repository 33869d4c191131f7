import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, titleOf, together } from '../set.ts';

export const title = 'Two HPAs on one target';
export const severity = 'error';

/** Upstream: AmbiguousSelector in horizontal.go: with overlapping selectors none of them scales. A ScaledObject makes an HPA of its own. */
export function find({ scalers }: ManifestSet): Finding[] {
  return scalers.flatMap((scaler, index) => {
    const other = scalers
      .slice(0, index)
      .find(
        ({ target, manifest }) =>
          target.kind === scaler.target.kind &&
          target.name === scaler.target.name &&
          together(manifest, scaler.manifest),
      );
    if (!other) return [];
    return [
      finding(
        scaler.manifest,
        ['spec', 'scaleTargetRef'],
        `${titleOf(other.manifest)} (${other.manifest.file}:${other.manifest.lineAt([])}) scales ${titleOf(scaler.target)}, too: both report AmbiguousSelector and neither scales.`,
        'Keep one; it may have several metrics, and the largest proposal wins.',
      ),
    ];
  });
}
