import type { Finding } from '../finding.ts';
import { finding, ingressesOf, type ManifestSet, titleOf } from '../set.ts';
import { graceS, leftS, preStopOf, requestTimeouts, shutdownTimeouts } from '../termination.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'Requests that may take longer than a pod has to finish them';
export const severity = 'warning';

const ANNOTATIONS = ['proxy-read-timeout', 'proxy-send-timeout'].map(
  (name) => `nginx.ingress.kubernetes.io/${name}`,
);

/**
 * A request that arrives just before SIGTERM has until SIGKILL, grace - preStop, or until the application gives up its own shutdown. What is
 * allowed to take longer is cut by every rollout and drain that meets it. Timeouts that nobody has set are not held against anybody.
 */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) => {
    const served = ingressesOf(set, workload).flatMap(({ manifest, annotations }) =>
      ANNOTATIONS.flatMap((name) => {
        const seconds = Number(annotations[name]);
        return seconds > 0 ? [{ name: `${name} of ${titleOf(manifest)}`, ms: seconds * 1_000 }] : [];
      }),
    );
    return runningContainers(workload).flatMap(({ container, path }) => {
      const left = leftS(workload, container) * 1_000;
      const [own] = shutdownTimeouts(set, workload, container).sort((a, b) => a.ms - b.ms);
      const windowMs = Math.min(left, own?.ms ?? left);
      const [longest] = [
        ...requestTimeouts(set, workload, container).map(({ name, ms, place }) => ({
          name: `${name} (${place})`,
          ms,
        })),
        ...served,
      ].sort((a, b) => b.ms - a.ms);
      if (longest === undefined || longest.ms <= windowMs) return [];
      const hookS = preStopOf(container)?.atLeastS ?? 0;
      const bound =
        own !== undefined && own.ms < left
          ? `${own.name} (${own.place}) ends the shutdown after ${own.ms / 1_000} s`
          : `${graceS(workload)} s of grace${hookS > 0 ? ` less ${hookS} s of preStop` : ''} leave ${left / 1_000} s after SIGTERM`;
      return [
        finding(
          workload.manifest,
          path,
          `${longest.name} lets a request take ${longest.ms / 1_000} s, and ${bound}: a longer request that meets a rollout, a scale-down or a drain is cut.`,
          `Give shutdown and terminationGracePeriodSeconds (${Math.ceil(hookS + longest.ms / 1_000) + 5} s) the time of the longest request, or bound requests by ${windowMs / 1_000} s.`,
        ),
      ];
    });
  });
}
