import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { preStopOf } from '../termination.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A preStop httpGet whose length is not known';
export const severity = 'warning';

/** Upstream: runHTTPHandler in lifecycle/handlers.go: only a transport error fails, the status is not looked at. */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) => {
      const hook = preStopOf(container);
      if (hook?.kind !== 'http') return [];
      const where = container.lifecycle.preStop?.httpGet?.path ?? '/';
      return [
        finding(
          workload.manifest,
          [...path, ...hook.path],
          `The hook lasts as long as ${where} takes to answer, and any answer counts, 404 and 500 too: an endpoint that is not there or returns at once means SIGTERM at once, while endpoints still lead new requests here.`,
          `See ${where} hold its answer until the pod is out of rotation and drained, or use preStop.sleep and drain on SIGTERM.`,
        ),
      ];
    }),
  );
}
