import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, titleOf, together } from '../set.ts';

export const title = 'Session affinity by client address behind an Ingress';
export const severity = 'warning';

/** Kubernetes: "Virtual IPs and Service Proxies": kube-proxy goes by the address it sees; ingress-nginx chooses a pod itself, past the Service. */
export function find({ services, ingresses }: ManifestSet): Finding[] {
  return services.flatMap(({ manifest, spec }) => {
    const ingress = ingresses.find(
      (other) =>
        together(other.manifest, manifest) && other.routes.some(({ service }) => service === manifest.name),
    );
    if (spec.sessionAffinity !== 'ClientIP' || !ingress) return [];
    return [
      finding(
        manifest,
        ['spec', 'sessionAffinity'],
        `What ${titleOf(ingress.manifest)} forwards comes from the controller's own address: through the Service all of it sticks to one pod, and past the Service, as ingress-nginx does it, the setting has no effect.`,
        "Leave the stickiness to the Ingress (affinity: cookie), and the Service's sessionAffinity at None.",
      ),
    ];
  });
}
