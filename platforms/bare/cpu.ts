/** CPU time of the cluster's own parts and of its pods, as the kernel charges it to their cgroups: no short-lived process is missed. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CpuGroups } from '../platform.ts';
import { CGROUP_SYSTEM, NODES } from './layout.ts';

const HIERARCHY = '/sys/fs/cgroup/cpuacct';

export function bareCpuGroups(): CpuGroups {
  return {
    cluster: { cpuSeconds: spentBy(CGROUP_SYSTEM) },
    pods: { cpuSeconds: NODES.reduce((sum, { cgroup }) => sum + spentBy(cgroup), 0) },
  };
}

function spentBy(group: string): number {
  return Number(readFileSync(path.join(HIERARCHY, group, 'cpuacct.usage'), 'utf8')) / 1e9;
}
