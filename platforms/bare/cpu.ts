/** CPU time and memory of the cluster's own parts and of its pods, as the kernel charges them to their cgroups: no short-lived process is missed. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CpuGroups } from '../platform.ts';
import { CGROUP_SYSTEM, NODES } from './layout.ts';

const HIERARCHIES = '/sys/fs/cgroup';
/** Of memory.stat what belongs to processes; files that were only read or written are the kernel's to give back. */
const RESIDENT = /^total_(?:rss|mapped_file) (\d+)$/gm;

export function bareCpuGroups(): CpuGroups {
  return {
    cluster: chargedTo([CGROUP_SYSTEM]),
    pods: chargedTo(NODES.map(({ cgroup }) => cgroup)),
  };
}

function chargedTo(groups: readonly string[]): { cpuSeconds: number; rssMb: number } {
  const sum = (of: (group: string) => number) => groups.reduce((total, group) => total + of(group), 0);
  return { cpuSeconds: sum(spentBy), rssMb: sum(residentOf) };
}

function spentBy(group: string): number {
  return Number(readFileSync(path.join(HIERARCHIES, 'cpuacct', group, 'cpuacct.usage'), 'utf8')) / 1e9;
}

function residentOf(group: string): number {
  const stat = readFileSync(path.join(HIERARCHIES, 'memory', group, 'memory.stat'), 'utf8');
  return [...stat.matchAll(RESIDENT)].reduce((bytes, [, value]) => bytes + Number(value), 0) / 2 ** 20;
}
