import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'An image whose tag moves';
export const severity = 'warning';

/** Kubernetes: Images: without a tag it is latest. */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container: { image, name }, path }) => {
      // A port of the registry is no tag.
      const last = image?.split('/').at(-1) ?? '';
      const tag = /:([^:@]+)$/.exec(last)?.[1] ?? 'latest';
      if (image === undefined || image.includes('@') || tag !== 'latest') return [];
      return [
        finding(
          workload.manifest,
          [...path, 'image'],
          `Container ${name} runs ${image}, whatever that is when a pod starts: a scale-up or a drain may bring another version than the pods beside it, and a rollback has nothing to go back to.`,
          'Name a version, or a digest.',
        ),
      ];
    }),
  );
}
