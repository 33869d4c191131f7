import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { preStopOf } from '../termination.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A preStop hook of unknown length in the default grace period';
export const severity = 'warning';

/** Kubernetes: Pod Lifecycle, "Termination of Pods": the grace period, 30 s by default, begins before the hook. */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) => {
    if (workload.pod.terminationGracePeriodSeconds !== undefined) return [];
    return runningContainers(workload).flatMap(({ container, path }) => {
      const hook = preStopOf(container);
      if (!hook || hook.exact) return [];
      return [
        finding(
          workload.manifest,
          [...path, ...hook.path],
          'How long the hook takes is not in the manifest, and terminationGracePeriodSeconds is not set: hook and shutdown share 30 s, and a hook that drains for 30 s leaves the container 2 s after SIGTERM.',
          'Set terminationGracePeriodSeconds to the longest the hook may take plus the longest the shutdown may take.',
        ),
      ];
    });
  });
}
