import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { graceS, leftS, preStopOf, shutdownTimeouts } from '../termination.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A shutdown timeout longer than what the grace period leaves';
export const severity = 'warning';

/** Upstream: killContainer in kuberuntime_container.go: SIGKILL at hook + max(2, grace - hook). */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) => {
      const left = leftS(workload, container);
      const hookS = preStopOf(container)?.atLeastS ?? 0;
      return shutdownTimeouts(set, workload, container)
        .filter(({ ms }) => ms > left * 1_000)
        .map(({ name, ms, place }) =>
          finding(
            workload.manifest,
            path,
            `${name} (${place}) gives the shutdown ${ms / 1_000} s, and ${graceS(workload)} s of grace${hookS > 0 ? ` less ${hookS} s of preStop` : ''} leave ${left} s after SIGTERM: a shutdown that needs its time is killed.`,
            `Raise terminationGracePeriodSeconds to ${Math.ceil(hookS + ms / 1_000) + 5}, or lower ${name} below ${left} s.`,
          ),
        );
    }),
  );
}
