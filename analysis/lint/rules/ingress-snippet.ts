import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'An Ingress snippet that ingress-nginx refuses';
export const severity = 'warning';

/** ingress-nginx 1.9: allow-snippet-annotations is false by default (CVE-2021-25742). */
export function find({ ingresses }: ManifestSet): Finding[] {
  return ingresses.flatMap(({ manifest, annotations }) =>
    Object.keys(annotations)
      .filter((name) => /^nginx\.ingress\.kubernetes\.io\/[\w-]+-snippet$/.test(name))
      .map((name) =>
        finding(
          manifest,
          ['metadata', 'annotations', name],
          'Snippets are switched off by default since ingress-nginx 1.9: its admission webhook refuses the whole Ingress.',
          'Use the annotation for the purpose (custom-headers, enable-cors, ...), or allow-snippet-annotations in the controller, with its risk.',
        ),
      ),
  );
}
