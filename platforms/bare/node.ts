/**
 * A node: a network namespace without a way out, and one process that holds its pid and mount namespaces. When that process ends, the
 * kernel ends everything in the node, containers included, and its mounts go with the last of them.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync, closeSync, existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { $ } from 'zx';
import { startTicksOf } from '../process-table.ts';
import {
  CGROUP,
  CGROUP_HARNESS,
  CGROUP_SYSTEM,
  LOGS,
  NODE_A,
  NODE_B,
  NODES,
  type NodePlace,
  NOWHERE,
  SERVICE_RANGE,
  VOLUMES,
  VOLUMES_SEEN,
} from './layout.ts';
import type { Proc } from './state.ts';

const HOLDER_LIMIT_MS = 10_000;
/** Sixteen times the weight of a pod's group: whatever the pods do, the control plane and the load get their turn. */
const HEAVY = '16384';
const NODE_WEIGHT = '2048';

const quiet = $({ quiet: true, timeout: '30s' });

/** Cgroups for the cluster's processes, the load's, and each node's pods. */
export function makeCgroups(hierarchies: readonly string[]): void {
  for (const root of hierarchies) {
    const groups = [CGROUP, CGROUP_SYSTEM, CGROUP_HARNESS, ...NODES.map(({ cgroup }) => cgroup)];
    for (const group of groups) {
      const dir = path.join(root, group);
      mkdirSync(dir, { recursive: true });
      // Empty in a new group, and nothing may join it while they are.
      if (root.endsWith('/cpuset'))
        for (const file of ['cpuset.cpus', 'cpuset.mems'])
          writeFileSync(path.join(dir, file), readFileSync(path.join(root, file), 'utf8').trim());
      if (root.endsWith('/cpu'))
        writeFileSync(
          path.join(dir, 'cpu.shares'),
          NODES.some(({ cgroup }) => cgroup === group) ? NODE_WEIGHT : HEAVY,
        );
    }
  }
}

/** A shell's words that put itself into a cgroup and then become the command that follows. */
export function joining(hierarchies: readonly string[], group: string): string[] {
  const files = hierarchies.map((root) => path.join(root, group, 'cgroup.procs'));
  return [
    'sh',
    '-c',
    'n=$1; shift; while [ $n -gt 0 ]; do echo $$ > "$1"; shift; n=$((n-1)); done; ulimit -n 20000 2>/dev/null; exec "$@"',
    'join',
    String(files.length),
    ...files,
  ];
}

/** The namespaces and their holder. `onParent` is told the outer process before the holder is known. */
export async function startHolder(
  node: NodePlace,
  hierarchies: readonly string[],
  onParent: (parent: Proc) => void,
): Promise<Proc> {
  for (const folder of ['varlog', 'containerd', 'kubelet', 'cni-state', 'cni.d'])
    mkdirSync(path.join(node.dir, folder), { recursive: true });
  writeFileSync(
    path.join(node.dir, 'hosts'),
    ['127.0.0.1 localhost', ...NODES.map(({ address, name }) => `${address} ${name}`)].join('\n') + '\n',
  );
  // Nobody answers for names in there.
  writeFileSync(path.join(node.dir, 'resolv.conf'), '');
  await quiet`ip netns add ${node.netns}`;
  const log = openSync(path.join(LOGS, `${node.name}.log`), 'a');
  const setUp = `set -e; mount --make-rshared /
    mount -t tmpfs -o mode=755 proofload-run /run && mkdir -p /run/netns /run/lock /run/containerd
    mkdir -p /var/lib/kubelet; mount -t tmpfs -o mode=755 proofload-kubelet /var/lib/kubelet
    mount --bind "$1/varlog" /var/log
    mount --bind "$1/hosts" /etc/hosts
    mount --bind "$1/resolv.conf" /etc/resolv.conf
    mount --bind ${VOLUMES} ${VOLUMES_SEEN}
    exec catatonit -P`;
  const [shell = 'sh', ...words] = joining(hierarchies, CGROUP_SYSTEM);
  const child = spawn(shell, [...words, ...holding(node), 'bash', '-c', setUp, '_', node.dir], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
  });
  closeSync(log);
  child.unref();
  const parent = procOf(child.pid);
  if (parent === null) throw new Error(`${node.name}: its holder could not be started`);
  onParent(parent);
  const endMs = performance.now() + HOLDER_LIMIT_MS;
  while (performance.now() < endMs) {
    const held = childOf(parent.pid);
    if (held !== null && commOf(held) === 'catatonit')
      return procOf(held) ?? Promise.reject(new Error(`${node.name}: its holder ended`));
    if (child.exitCode !== null) break;
    await pause(20);
  }
  throw new Error(
    `${node.name}: its namespaces could not be made; see ${path.join(LOGS, `${node.name}.log`)}`,
  );
}

/** New namespaces in the node's network; what is in them ends with `unshare`, and it with them. */
function holding({ netns }: NodePlace): string[] {
  const kinds = '--mount --pid --fork --kill-child --mount-proc --propagation private';
  return ['nsenter', `--net=/run/netns/${netns}`, 'unshare', ...kinds.split(' ')];
}

export function procOf(pid: number | undefined): Proc | null {
  const startTicks = pid === undefined ? null : startTicksOf(pid);
  return pid === undefined || startTicks === null ? null : { pid, startTicks };
}

export function childOf(pid: number): number | null {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return null;
  try {
    const first = readFileSync(file, 'utf8').trim().split(' ')[0];
    return first === undefined || first === '' ? null : Number(first);
  } catch {
    return null;
  }
}

function commOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The words that run a program inside a node. */
export function inNode(holder: Proc): string[] {
  return ['nsenter', '-t', String(holder.pid), '-m', '-n', '-p', '--'];
}

/** The bridge of node-a, the cable between both, and the routes. No cable leads to the host. */
export async function connectNodes(holders: Record<string, Proc>): Promise<void> {
  const [a, b] = [holders[NODE_A.name], holders[NODE_B.name]];
  if (a === undefined || b === undefined)
    throw new Error('both nodes must be held before they are connected');
  const script = (holder: Proc, text: string) => quiet`nsenter -t ${holder.pid} -m -n -- sh -ec ${text}`;
  const forwarding = 'sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1';
  await script(
    a,
    `ip link set lo up
     ip link add node0 address 02:00:c6:12:00:0a type bridge; ip addr add ${NODE_A.address}/24 dev node0; ip link set node0 up
     ip link add nb0 type veth peer name up0; ip link set up0 netns ${b.pid}; ip link set nb0 master node0 up
     ip route add ${NODE_B.podRange} via ${NODE_B.address}
     ip route add default via ${NOWHERE} dev node0; ip route add ${SERVICE_RANGE} dev node0
     ${forwarding}`,
  );
  await script(
    b,
    `ip link set lo up
     ip addr add ${NODE_B.address}/24 dev up0; ip link set up0 up
     ip route add ${NODE_A.podRange} via ${NODE_A.address}
     ip route add default via ${NOWHERE} dev up0; ip route add ${SERVICE_RANGE} dev up0
     ${forwarding}`,
  );
}
