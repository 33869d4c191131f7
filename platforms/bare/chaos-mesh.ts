/**
 * Chaos Mesh as host processes: its controller, and one daemon a node in a mount namespace of its own, where it finds the few programs
 * that its container image would bring along. No webhooks (chaos objects must say everything themselves), no images.
 */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { component } from './components.ts';
import { HOST_SYS, NODE_A, type NodePlace, PKI, STATE } from './layout.ts';
import type { Programs } from './programs.ts';
import type { Component } from './state.ts';

const TOOLS = path.join(STATE, 'chaos-bin');
const CERTS = path.join(STATE, 'chaos-certs');
export const DAEMON_PORT = 31_767;
/** `-l`, a host's program in the target's mount namespace, is not played: no IOChaos, HTTPChaos, BlockChaos, JVMChaos. */
const NSEXEC = `#!/bin/sh
# Stands in for Chaos Mesh's nsexec: nsenter, with its options spelt in two words, and SIGTERM handed on into the pid namespace.
a= m= l=0 p=0
while [ $# -gt 0 ]; do case "$1" in
  -n|--net) a="$a --net=$2"; shift 2;; -i|--ipc) a="$a --ipc=$2"; shift 2;; -c|--cgroup) a="$a --cgroup=$2"; shift 2;;
  -p|--pid) a="$a --pid=$2"; p=1; shift 2;; -m|--mnt) m="--mount=$2"; shift 2;; -l|--local) l=1; shift;; --) shift; break;; *) break;;
esac; done
[ $l = 1 ] || a="$a $m"
[ $p = 1 ] || exec nsenter $a -- "$@"
setsid nsenter $a -- "$@" & c=$!
trap 'kill -s TERM -- -$c 2>/dev/null' TERM INT
wait $c; r=$?; [ $r -gt 128 ] && wait $c; exit $r
`;
/** The daemon waits for a process called pause, puts it into the target's cgroups and sends it SIGCONT. */
const PAUSE = `#!/bin/sh
# Waits for SIGCONT, then becomes its arguments.
go=
trap 'go=1' CONT
while [ -z "$go" ]; do sleep 0.02; done
exec "$@"
`;
const MEM_STRESS = `#!/bin/sh
# Stands in for Chaos Mesh's memStress: --size 32MB --workers 1 -> stress-ng, which holds what it took.
size=64M workers=1
while [ $# -gt 0 ]; do case "$1" in
  --size) size=\${2%B}; shift 2;; --size=*) size=\${1#--size=}; size=\${size%B}; shift;;
  --workers) workers=$2; shift 2;; --workers=*) workers=\${1#--workers=}; shift;;
  *) shift;;
esac; done
exec stress-ng --vm "$workers" --vm-bytes "$size" --vm-keep --vm-hang 0
`;

export function prepareChaosTools(): void {
  mkdirSync(TOOLS, { recursive: true });
  for (const [name, text] of Object.entries({ nsexec: NSEXEC, pause: PAUSE, memStress: MEM_STRESS })) {
    const file = path.join(TOOLS, name);
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
  mkdirSync(CERTS, { recursive: true });
  for (const file of ['tls.crt', 'tls.key']) copyFileSync(path.join(PKI, file), path.join(CERTS, file));
}

export function chaosDaemon(node: NodePlace, { paths }: Programs): Component {
  const setUp = `set -e
    mount --bind "$1" /usr/local/bin
    mount --rbind /sys ${HOST_SYS}
    shift; exec "$@"`;
  return component(node, [
    'unshare',
    '-m',
    '--propagation',
    'slave',
    'sh',
    '-c',
    setUp,
    'chaos-daemon',
    TOOLS,
    paths['chaos-daemon'] ?? '',
    '--runtime',
    'containerd',
    '--runtime-socket-path',
    '/run/containerd/containerd.sock',
    '--grpc-port',
    String(DAEMON_PORT),
    '--http-port',
    '31766',
  ]);
}

export function chaosController({ paths }: Programs): Component {
  return component(NODE_A, [paths['chaos-controller-manager'] ?? ''], {
    KUBECONFIG: path.join(PKI, 'admin.conf'),
    NAMESPACE: 'chaos-mesh',
    CLUSTER_SCOPED: 'true',
    TARGET_NAMESPACE: 'chaos-mesh',
    TEMPLATE_NAMESPACE: 'chaos-mesh',
    ENABLE_FILTER_NAMESPACE: 'false',
    ENABLE_LEADER_ELECTION: 'false',
    SECURITY_MODE: 'false',
    CHAOSD_SECURITY_MODE: 'false',
    CHAOS_DAEMON_SERVICE_PORT: String(DAEMON_PORT),
    // Its usual port, 10250, is the kubelet's here.
    WEBHOOK_PORT: '9443',
    METRICS_PORT: '10082',
    CERTS_DIR: CERTS,
    POD_FAILURE_PAUSE_IMAGE: 'localhost/pause:1',
  });
}
