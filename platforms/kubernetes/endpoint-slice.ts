/** What is read of an EndpointSlice: which pods of a Service are ready, and at which ports. */
import { z } from 'zod';
import type { KubeObject } from './cluster.ts';

const Slice = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()).default({}) }),
  ports: z.array(z.object({ name: z.string().nullish(), port: z.number().nullish() })).nullish(),
  endpoints: z
    .array(
      z.object({
        conditions: z.object({ ready: z.boolean().nullish() }).nullish(),
        targetRef: z.object({ kind: z.string().default(''), name: z.string().default('') }).nullish(),
      }),
    )
    .nullish(),
});

interface SliceView {
  /** The pods' own, by the name of the Service's port; the only port of a Service may have none. */
  ports: { name: string; port: number }[];
  /** Names of the pods that are ready; a condition that is absent means ready (discovery/v1 API). */
  ready: string[];
}

/** Those of the slices that belong to the Service. */
export function slicesOf(objects: readonly KubeObject[], service: string): SliceView[] {
  return objects.flatMap((object) => {
    const { metadata, ports, endpoints } = Slice.parse(object);
    if (metadata.labels['kubernetes.io/service-name'] !== service) return [];
    return [
      {
        ports: (ports ?? []).flatMap(({ name, port }) =>
          port === undefined || port === null ? [] : [{ name: name ?? '', port }],
        ),
        ready: (endpoints ?? []).flatMap(({ conditions, targetRef }) =>
          targetRef?.kind === 'Pod' && conditions?.ready !== false ? [targetRef.name] : [],
        ),
      },
    ];
  });
}

/** Names of the Service's ready pods, in order, each once. */
export function readyEndpoints(objects: readonly KubeObject[], service: string): string[] {
  return [...new Set(slicesOf(objects, service).flatMap(({ ready }) => ready))].sort();
}
