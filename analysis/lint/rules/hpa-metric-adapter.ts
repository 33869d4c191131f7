import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'An HPA metric that needs an adapter';
export const severity = 'info';

const APIS: Record<string, string> = {
  Pods: 'custom.metrics.k8s.io',
  Object: 'custom.metrics.k8s.io',
  External: 'external.metrics.k8s.io',
};

/** Kubernetes: Horizontal Pod Autoscaling, "Support for metrics APIs": a plain cluster serves none of the two. */
export function find({ scalers, all }: ManifestSet): Finding[] {
  return scalers.flatMap(({ manifest, hpa }) =>
    (hpa?.metrics ?? []).flatMap(({ source, name }, index) => {
      const api = APIS[source];
      const served = all.some(({ kind, name: other }) => kind === 'APIService' && other.endsWith(`.${api}`));
      if (api === undefined || served) return [];
      return [
        finding(
          manifest,
          ['spec', 'metrics', index],
          `${name} comes from ${api}, which no cluster serves by itself and these manifests do not bring: without an adapter that knows the metric, the HPA reports FailedGet${source}Metric and never scales in.`,
          'Install an adapter (prometheus-adapter, KEDA) with a rule for this metric, and see the application export it under this very name.',
        ),
      ];
    }),
  );
}
