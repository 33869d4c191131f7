import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'An Ingress that limits each client address';
export const severity = 'info';

const LIMITS: Record<string, string> = {
  'limit-rps': 'requests a second',
  'limit-rpm': 'requests a minute',
  'limit-connections': 'connections at a time',
};

/** ingress-nginx, "Rate Limiting": by client address, bursts of 5 times the rate, beyond that 503. */
export function find({ ingresses }: ManifestSet): Finding[] {
  return ingresses.flatMap(({ manifest, annotations }) =>
    Object.entries(LIMITS).flatMap(([name, unit]) => {
      const annotation = `nginx.ingress.kubernetes.io/${name}`;
      const limit = annotations[annotation];
      if (limit === undefined) return [];
      return [
        finding(
          manifest,
          ['metadata', 'annotations', annotation],
          `Each client address gets ${limit} ${unit}, the rest is answered 503: clients behind one proxy or NAT share that, and so does a load test, which measures the limit instead of the system.`,
          'Send the load past the Ingress, list its address in limit-whitelist, or raise the limit beyond the load that is promised.',
        ),
      ];
    }),
  );
}
