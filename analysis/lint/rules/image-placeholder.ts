import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'An image name that was left to fill in';
export const severity = 'error';

const PLACEHOLDER = /(^|[/.-])(your[-_]?\w*|changeme|example)(?=[/.:@-]|$)|[<>{}$]/i;

export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    runningContainers(workload)
      .filter(({ container: { image = '' } }) => PLACEHOLDER.test(image))
      .map(({ container, path }) =>
        finding(
          workload.manifest,
          [...path, 'image'],
          `Container ${container.name} runs ${container.image}, a name that stands for another: the pull fails, or brings what a stranger has put there.`,
          'Put the name of the real image in its place.',
        ),
      ),
  );
}
