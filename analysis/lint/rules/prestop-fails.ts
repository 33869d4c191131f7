import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { preStopOf } from '../termination.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A preStop command that cannot run';
export const severity = 'error';

/** Images that are known to hold neither a shell nor `sleep`. A `debug` variant has both. */
const NO_SHELL = /(^|\/)(distroless|chainguard|cgr\.dev)\/(?!.*(debug|-dev))|(^|\/)(scratch|pause)(:|@|$)/;
const NEEDS_SHELL = /^(\/(usr\/)?bin\/)?(ba|da|a)?sh$|^(\/(usr\/)?bin\/)?sleep$/;

/** Upstream: lifecycle/handlers.go and FailedPreStopHook in kuberuntime_container.go: after a failed hook SIGTERM comes at once. */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) => {
      const hook = preStopOf(container);
      const [program = ''] = hook?.words ?? [];
      const inOne = /^\S*(sleep|sh) \S/.test(program);
      const shell = NEEDS_SHELL.test(program) && NO_SHELL.test(container.image ?? '');
      if (hook?.kind !== 'exec' || (!inOne && !shell)) return [];
      const why = inOne
        ? `exec runs a program and no shell, and there is none called "${program}"`
        : `the image ${container.image} holds no ${program}`;
      return [
        finding(
          workload.manifest,
          [...path, ...hook.path],
          `The hook cannot run: ${why}. The pod reports FailedPreStopHook and SIGTERM comes at once, without the time for endpoints to change that the hook was written for.`,
          hook.atLeastS > 0
            ? `Use preStop.sleep with seconds: ${hook.atLeastS} (no shell needed, Kubernetes 1.30 and later).`
            : "Write the command as a list, ['/bin/sh', '-c', '...'], in an image that has a shell.",
        ),
      ];
    }),
  );
}
