/** What this machine must have for a bare cluster, what it lacks, and the settings of its kernel that are put back at the end. */
import { existsSync, lstatSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { $ } from 'zx';
import { UsageError } from '../../record/model.ts';
import { HOST_SYS, VOLUMES_SEEN } from './layout.ts';

const HIERARCHIES = ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids', 'systemd'];
const CAP_SYS_RESOURCE = 24;
const DISK_FLOOR_MB = 6_000;

export interface HostFacts {
  /** Mount points of the cgroup v1 hierarchies in use. */
  hierarchies: string[];
  /** What faults can be injected, and why not: `null` = it works. */
  lacks: { netem: string | null; prio: string | null; sysResource: string | null };
}

/** Checks and probes; changes nothing that lasts. Throws UsageError of one line. */
export async function probeHost(): Promise<HostFacts> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new UsageError(
      'a bare cluster needs Linux and root (network namespaces, mounts, cgroups); use sudo, or make up ON=kind with Docker',
    );
  const missing = await missingPrograms();
  if (missing.length > 0)
    throw new UsageError(
      `not installed: ${missing.join(', ')}; install the packages of platforms/bare/packages.txt: apt-get install -y --no-install-recommends $(grep -v '^#' platforms/bare/packages.txt)`,
    );
  if (existsSync('/sys/fs/cgroup/cgroup.controllers'))
    throw new UsageError(
      'this machine has cgroup v2 alone, and the bare cluster sets up cgroup v1 hierarchies only so far; use make up ON=kind',
    );
  const absent = HIERARCHIES.filter((name) => !existsSync(`/sys/fs/cgroup/${name}`));
  if (absent.length > 0)
    throw new UsageError(`/sys/fs/cgroup: no hierarchy ${absent.join(', ')}; the kubelet needs them`);
  const { bavail, bsize } = statfsSync('/var/lib');
  const freeMb = (bavail * bsize) / 2 ** 20;
  if (freeMb < DISK_FLOOR_MB)
    throw new UsageError(`/var/lib: ${Math.round(freeMb)} MB are free and ${DISK_FLOOR_MB} MB are needed`);
  return {
    hierarchies: HIERARCHIES.map((name) => `/sys/fs/cgroup/${name}`),
    lacks: {
      netem: await lacksQdisc(['netem', 'delay', '1ms']),
      prio: await lacksQdisc(['prio']),
      sysResource: lacksCapability(),
    },
  };
}

/** One line a lack, for people. */
export function lacksInWords({ lacks }: HostFacts): string[] {
  return [
    ...(lacks.netem === null ? [] : [`no delay, loss, duplication or corruption of packets: ${lacks.netem}`]),
    ...(lacks.prio === null ? [] : [`no bandwidth limit towards a target alone: ${lacks.prio}`]),
    ...(lacks.sysResource === null ? [] : [lacks.sysResource]),
  ];
}

async function missingPrograms(): Promise<string[]> {
  const wanted = [
    'containerd',
    'runc',
    'ctr',
    'ip',
    'iptables',
    'ipset',
    'nsenter',
    'unshare',
    'openssl',
    'umoci',
    'skopeo',
    'catatonit',
    'tc',
    'gcc',
  ];
  const found = await Promise.all(
    wanted.map(async (name) => {
      const answer = await $({ nothrow: true, quiet: true })`command -v ${name}`;
      return answer.exitCode === 0 ? [] : [name];
    }),
  );
  return [...found.flat(), ...(existsSync('/usr/lib/cni/bridge') ? [] : ['containernetworking-plugins'])];
}

/** In a network namespace of its own that is gone with the command. */
async function lacksQdisc(kind: string[]): Promise<string | null> {
  const answer = await $({
    nothrow: true,
    quiet: true,
    timeout: '10s',
  })`unshare --net tc qdisc add dev lo root ${kind}`;
  if (answer.exitCode === 0) return null;
  return `the kernel has no ${kind[0]} (${answer.stderr.trim().split('\n')[0] ?? 'tc failed'})`;
}

function lacksCapability(): string | null {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const has = ((BigInt(`0x${mask}`) >> BigInt(CAP_SYS_RESOURCE)) & 1n) === 1n;
  return has ? null : 'no CAP_SYS_RESOURCE: OOM scores are not lowered below those of this process';
}

/** Empty folders outside the cluster's own, which its nodes mount something on; made by `up` and removed by `down`. */
export const MOUNT_POINTS = [HOST_SYS, VOLUMES_SEEN];

/** Makes those that are not there, and returns them. Throws UsageError when one belongs to another user, who could lead it elsewhere. */
export function makeMountPoints(): string[] {
  const absent = MOUNT_POINTS.filter((folder) => {
    const there = lstatSync(folder, { throwIfNoEntry: false });
    if (there !== undefined && !(there.isDirectory() && there.uid === 0))
      throw new UsageError(`${folder} is not a folder of root, and the bare cluster needs it; remove it`);
    return there === undefined;
  });
  for (const folder of absent) mkdirSync(folder, { mode: 0o755 });
  return absent;
}

/** Settings that the kubelet changes, and one that many containers need. */
const SYSCTLS = [
  'kernel/panic',
  'kernel/panic_on_oops',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'fs/inotify/max_user_instances',
];

export function readSysctls(): Record<string, string> {
  return Object.fromEntries(
    SYSCTLS.map((name) => [name, readFileSync(path.join('/proc/sys', name), 'utf8').trim()]),
  );
}

/** Puts settings back; only those of the list, whatever a file says. */
export function writeSysctls(values: Record<string, string>): void {
  for (const name of SYSCTLS) {
    const value = values[name];
    if (value === undefined || !/^-?\d+$/.test(value)) continue;
    if (readFileSync(path.join('/proc/sys', name), 'utf8').trim() !== value)
      writeFileSync(path.join('/proc/sys', name), value);
  }
}
