import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { graceS, preStopOf } from '../termination.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A preStop hook as long as the grace period';
export const severity = 'error';

/** Upstream: executePreStopHook and killContainer in kuberuntime_container.go: the hook counts inside the grace period, 2 s are left at least. */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) => {
      const hook = preStopOf(container);
      const grace = graceS(workload);
      if (!hook || hook.atLeastS < grace) return [];
      return [
        finding(
          workload.manifest,
          [...path, ...hook.path],
          `The hook takes ${hook.atLeastS} s and the grace period, which includes it, is ${grace} s: the container gets SIGTERM at its end and SIGKILL 2 s later, so whatever it still has to do is cut off.`,
          `Set terminationGracePeriodSeconds to the hook plus the longest request, e.g. ${hook.atLeastS + 30}, or shorten the hook.`,
        ),
      ];
    }),
  );
}
