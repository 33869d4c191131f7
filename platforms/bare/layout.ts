/**
 * Where everything of the bare cluster is: names, addresses, folders. Addresses are from 198.18.0.0/15, which RFC 2544 sets aside for
 * benchmarks and nobody routes.
 */
import path from 'node:path';

/** Its own folder, outside the checkout and outside /tmp: `make down` removes it whole. */
export const STATE = '/var/lib/proofload-bare';
export const PKI = path.join(STATE, 'pki');
export const LOGS = path.join(STATE, 'log');
/** For any kubectl on this machine; its server is the forwarder on loopback, which is the API server's own port inside, too. */
export const KUBECONFIG = path.join(STATE, 'kubeconfig');
export const CONTEXT = 'proofload-bare';
export const API_PORT = 16_443;

/** Below the root of every cgroup hierarchy. */
export const CGROUP = 'proofload-bare';
/** Processes of the cluster that are not pods; load, kubectl and Proofload itself. */
export const CGROUP_SYSTEM = `${CGROUP}/system`;
export const CGROUP_HARNESS = `${CGROUP}/harness`;

export const SERVICE_RANGE = '198.18.2.0/24';
export const API_SERVICE = '198.18.2.1';
/** All pods of both nodes. */
export const POD_RANGE = '198.18.8.0/21';
/** Nobody has it: a default route must exist, and must lead nowhere. */
export const NOWHERE = '198.18.0.1';

/** Where Chaos Mesh's daemon wants the host's /sys to be. */
export const HOST_SYS = '/host-sys';
/** Where the controller manager's provisioner makes volumes, whatever it is told; in the nodes it is VOLUMES, so they go with STATE. */
export const VOLUMES_SEEN = '/tmp/hostpath_pv';
export const VOLUMES = path.join(STATE, 'volumes');

export interface NodePlace {
  /** No name may be the beginning of another: cAdvisor selects cgroups by prefix. */
  name: string;
  netns: string;
  address: string;
  podRange: string;
  /** Under the root of every cgroup hierarchy; the nodes' are siblings. */
  cgroup: string;
  dir: string;
}

export const NODE_A: NodePlace = place('node-a', '198.18.0.10', '198.18.8.0/24');
export const NODE_B: NodePlace = place('node-b', '198.18.0.11', '198.18.9.0/24');
/** Two, because a drain under a PodDisruptionBudget can only end where the pods have somewhere to go. */
export const NODES: readonly NodePlace[] = [NODE_A, NODE_B];

function place(name: string, address: string, podRange: string): NodePlace {
  return {
    name,
    netns: `proofload-${name}`,
    address,
    podRange,
    cgroup: `${CGROUP}/${name}`,
    dir: path.join(STATE, name),
  };
}
