/** Where connections to a group of pods go: their own addresses, and the Services in front of them. */
import { z } from 'zod';
import type { Deployed } from '../cluster.ts';
import type { Endpoint } from './probe.ts';
import { podsWith, portOf } from './pod.ts';
import type { PodFacts } from './pod.ts';

const Service = z.object({
  spec: z.object({
    clusterIP: z.string().optional(),
    selector: z.record(z.string(), z.string()).default({}),
    ports: z.array(z.object({ port: z.int(), protocol: z.string().default('TCP') })).default([]),
  }),
});

/** Every pod with an address and a port, and the ClusterIP of every Service that leads to them alone. Throws ApiError. */
export async function endpointsOf(deployed: Deployed, pods: readonly PodFacts[]): Promise<Endpoint[]> {
  const services = await deployed.cluster.list(
    { apiVersion: 'v1', kind: 'Service' },
    { namespace: deployed.namespace },
  );
  const behind = services.flatMap((object) => {
    const spec = Service.safeParse(object).data?.spec;
    // Headless Services are names for the pods' own addresses.
    if (!spec?.clusterIP || spec.clusterIP === 'None') return [];
    // One that also leads to pods the fault spares would answer through them.
    const led = podsWith(deployed, spec.selector);
    if (led.length === 0 || !led.every(({ uid }) => pods.some((pod) => pod.uid === uid))) return [];
    const host = spec.clusterIP;
    return spec.ports.filter(({ protocol }) => protocol === 'TCP').map(({ port }) => ({ host, port }));
  });
  const own = pods.flatMap((pod) => {
    const port = portOf(deployed, pod);
    return pod.ip === undefined || port === undefined ? [] : [{ host: pod.ip, port }];
  });
  return [...own, ...behind];
}
