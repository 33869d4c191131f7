import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'An Ingress annotation that does nothing any more';
export const severity = 'info';

/** Removed annotations, with what took their place: the changelog of ingress-nginx, and `kubectl ingress-nginx lint`. */
const REMOVED: Record<string, string> = {
  'session-cookie-hash': 'nothing; the cookie needs no hash since 0.24',
  'secure-backends': 'backend-protocol: HTTPS',
  'grpc-backend': 'backend-protocol: GRPC',
  'add-base-url': 'nothing; the application has to know its base URL',
};

export function find({ ingresses }: ManifestSet): Finding[] {
  return ingresses.flatMap(({ manifest, annotations }) =>
    Object.entries(REMOVED).flatMap(([name, instead]) => {
      const annotation = `nginx.ingress.kubernetes.io/${name}`;
      if (annotations[annotation] === undefined) return [];
      return [
        finding(
          manifest,
          ['metadata', 'annotations', annotation],
          `ingress-nginx has removed ${name}, and ignores it without a word.`,
          `Remove it; in its place: ${instead}.`,
        ),
      ];
    }),
  );
}
