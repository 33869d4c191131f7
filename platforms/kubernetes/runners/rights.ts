/** Every right that runners inside the cluster take, beyond those of any run. */
import type { Access } from '../cluster.ts';
import { rightsIn } from '../rights.ts';

export function runnerRights(namespace: string, kind: 'job' | 'testrun'): Access[] {
  const inside = rightsIn(namespace);
  const make = ['create', 'delete'];
  return [
    ...inside('', 'configmaps', make),
    ...inside('', 'secrets', make),
    ...(kind === 'job' ? inside('batch', 'jobs', make) : inside('k6.io', 'testruns', make)),
    // Runners are asked and released at their own REST API.
    ...inside('', 'pods', ['get', 'create'], 'portforward'),
  ];
}
