import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, replicasOf } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'Erlang nodes that cannot find each other';
export const severity = 'warning';

/** Mix.Tasks.Release: RELEASE_NODE is `name@host`, and hosts with dots or addresses need RELEASE_DISTRIBUTION=name (erl, -name and -sname). */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) => {
    if (replicasOf(set, workload).max < 2) return [];
    return runningContainers(workload).flatMap(({ container, path }) => {
      const index = container.env.findIndex(({ name }) => name === 'RELEASE_NODE');
      const node = container.env[index];
      const long = container.env.some(
        ({ name, value }) => name === 'RELEASE_DISTRIBUTION' && value === 'name',
      );
      const fromPod = node?.valueFrom?.fieldRef?.fieldPath !== undefined;
      if (!node || long || (!fromPod && node.value?.includes('@') !== false)) return [];
      return [
        finding(
          workload.manifest,
          [...path, 'env', index],
          'RELEASE_NODE has no @host and RELEASE_DISTRIBUTION is not name: the node takes a short name that other pods cannot resolve, so no cluster forms.',
          'Set RELEASE_DISTRIBUTION=name and RELEASE_NODE=<app>@$(POD_IP), with POD_IP from status.podIP.',
        ),
      ];
    });
  });
}
