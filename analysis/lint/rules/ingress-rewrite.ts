import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'An Ingress rewrite that loses the path';
export const severity = 'warning';

const ANNOTATION = 'nginx.ingress.kubernetes.io/rewrite-target';

/** ingress-nginx, "Rewrite": since 0.22 the target is taken as it stands; what shall be kept needs a capture group. */
export function find({ ingresses }: ManifestSet): Finding[] {
  return ingresses.flatMap(({ manifest, annotations, routes }) => {
    const target = annotations[ANNOTATION];
    const route = routes.find(({ pathType }) => pathType !== 'Exact');
    if (target === undefined || target.includes('$') || !route) return [];
    return [
      finding(
        manifest,
        ['metadata', 'annotations', ANNOTATION],
        `The rewrite has no capture group, so every request below ${route.path}, such as ${route.path.replace(/\/$/, '')}/api/v1/health, reaches ${route.service} as ${target}.`,
        `Remove the annotation if the service serves these paths; to take a prefix off, use path ${route.path.replace(/\/$/, '')}(/|$)(.*) with rewrite-target /$2 and use-regex.`,
      ),
    ];
  });
}
