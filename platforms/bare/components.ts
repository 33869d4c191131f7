/** Every program of the cluster with its arguments and configuration files. A reason stands beside what is not the usual setting. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { POD_RELABELLING } from '../pod-relabelling.ts';
import { API_PORT, NODE_A, NODES, type NodePlace, PKI, POD_RANGE, SERVICE_RANGE, STATE } from './layout.ts';
import { KUBE_NAMES, type Programs } from './programs.ts';
import type { Component } from './state.ts';

const pki = (file: string) => path.join(PKI, file);
const BIN = path.join(STATE, 'bin');

/** One name for each part of kube-all. */
export function linkPrograms({ paths }: Programs): void {
  mkdirSync(BIN, { recursive: true });
  for (const name of KUBE_NAMES) symlinkSync(paths['kube-all'] ?? '', path.join(BIN, name));
}

/** How fast the HPA of the cluster decides; what is absent is the default of Kubernetes, and of pods' metrics one sample every 10 s. */
export interface Pace {
  hpaSyncMs?: number;
  /** A share: 0.1 is 10 % of the target. */
  hpaTolerance?: number;
  hpaDownscaleStabilizationMs?: number;
  metricResolutionMs?: number;
}

/** metrics-server takes no less. */
export const LEAST_METRIC_RESOLUTION_MS = 10_000;

const flags = (values: Record<string, string | number | boolean>) =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

export function etcd(): Component {
  return component(NODE_A, [
    path.join(BIN, 'etcd'),
    ...flags({
      name: 'e',
      'data-dir': path.join(STATE, 'etcd'),
      'listen-client-urls': 'http://127.0.0.1:2379',
      'advertise-client-urls': 'http://127.0.0.1:2379',
      'listen-peer-urls': 'http://127.0.0.1:2380',
      'initial-advertise-peer-urls': 'http://127.0.0.1:2380',
      'initial-cluster': 'e=http://127.0.0.1:2380',
      // The cluster lives as long as this machine is up: what a power cut would lose is nobody's.
      'unsafe-no-fsync': true,
      'log-level': 'warn',
    }),
  ]);
}

export function apiserver(): Component {
  return component(NODE_A, [
    path.join(BIN, 'kube-apiserver'),
    ...flags({
      'etcd-servers': 'http://127.0.0.1:2379',
      'bind-address': '0.0.0.0',
      'secure-port': API_PORT,
      'advertise-address': NODE_A.address,
      'service-cluster-ip-range': SERVICE_RANGE,
      'authorization-mode': 'Node,RBAC',
      'enable-admission-plugins': 'NodeRestriction',
      'allow-privileged': true,
      'client-ca-file': pki('ca.crt'),
      'tls-cert-file': pki('apiserver.crt'),
      'tls-private-key-file': pki('apiserver.key'),
      'kubelet-client-certificate': pki('apiserver-kubelet-client.crt'),
      'kubelet-client-key': pki('apiserver-kubelet-client.key'),
      'kubelet-certificate-authority': pki('ca.crt'),
      'kubelet-preferred-address-types': 'InternalIP',
      'service-account-issuer': 'https://kubernetes.default.svc',
      'service-account-key-file': pki('sa.pub'),
      'service-account-signing-key-file': pki('sa.key'),
      'requestheader-client-ca-file': pki('front-proxy-ca.crt'),
      'requestheader-allowed-names': 'front-proxy-client',
      'requestheader-username-headers': 'X-Remote-User',
      'requestheader-group-headers': 'X-Remote-Group',
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
      'proxy-client-cert-file': pki('front-proxy-client.crt'),
      'proxy-client-key-file': pki('front-proxy-client.key'),
      // It dials metrics-server's endpoint itself, not its ClusterIP.
      'enable-aggregator-routing': true,
    }),
  ]);
}

const given = (name: string, value: number | undefined, unit = '') =>
  value === undefined ? {} : { [`horizontal-pod-autoscaler-${name}`]: `${value}${unit}` };

export function controllerManager(pace: Pace): Component {
  const conf = pki('kcm.conf');
  return component(NODE_A, [
    path.join(BIN, 'kube-controller-manager'),
    ...flags({
      kubeconfig: conf,
      'authentication-kubeconfig': conf,
      'authorization-kubeconfig': conf,
      'client-ca-file': pki('ca.crt'),
      'requestheader-client-ca-file': pki('front-proxy-ca.crt'),
      'root-ca-file': pki('ca.crt'),
      'service-account-private-key-file': pki('sa.key'),
      'cluster-signing-cert-file': pki('ca.crt'),
      'cluster-signing-key-file': pki('ca.key'),
      'use-service-account-credentials': true,
      // Its lease shows a restart, as on any cluster. It ends itself when it cannot renew, and nobody would start it again: an API server
      // that a test stops for half a minute must not be the end of it.
      'leader-elect': true,
      'leader-elect-lease-duration': '60s',
      'leader-elect-renew-deadline': '45s',
      'bind-address': '127.0.0.1',
      'allocate-node-cidrs': false,
      // Volumes for claims, on the disk that both nodes share (layout.ts, VOLUMES_SEEN).
      'enable-hostpath-provisioner': true,
      ...given('sync-period', pace.hpaSyncMs, 'ms'),
      ...given('tolerance', pace.hpaTolerance),
      ...given('downscale-stabilization', pace.hpaDownscaleStabilizationMs, 'ms'),
      // It first makes about 40 service accounts and their tokens: at the default 20 requests a second no pod starts for 4 s more.
      'kube-api-qps': 500,
      'kube-api-burst': 1000,
    }),
  ]);
}

export function scheduler(): Component {
  const conf = pki('scheduler.conf');
  return component(NODE_A, [
    path.join(BIN, 'kube-scheduler'),
    ...flags({
      kubeconfig: conf,
      'authentication-kubeconfig': conf,
      'authorization-kubeconfig': conf,
      'leader-elect': false,
      'bind-address': '127.0.0.1',
    }),
  ]);
}

export function containerd(node: NodePlace): Component {
  const file = path.join(node.dir, 'containerd.toml');
  writeFileSync(
    file,
    `version = 2
root = "${node.dir}/containerd"
state = "/run/proofload-containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
# Lowering a score takes CAP_SYS_RESOURCE, which not every root has.
restrict_oom_score_adj = true
tolerate_missing_hugetlb_controller = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${node.dir}/cni.d"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
`,
  );
  const network = {
    cniVersion: '0.4.0',
    name: 'k8s',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        // Pods are seen by their own address on the other node: a partition selects by it.
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: path.join(node.dir, 'cni-state'),
          ranges: [[{ subnet: node.podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  writeFileSync(path.join(node.dir, 'cni.d', '10-bridge.conflist'), JSON.stringify(network));
  return component(node, ['containerd', '--config', file, '--log-level', 'warn']);
}

export function kubelet(node: NodePlace): Component {
  const file = path.join(node.dir, 'kubelet.yaml');
  writeFileSync(
    file,
    stringify({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      failCgroupV1: false,
      cgroupDriver: 'cgroupfs',
      cgroupRoot: `/${node.cgroup}`,
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
      podLogsDir: '/var/log/pods',
      containerLogMaxSize: '200Mi',
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: true },
        x509: { clientCAFile: pki('ca.crt') },
      },
      authorization: { mode: 'Webhook' },
      tlsCertFile: pki(`kubelet-${node.name}.crt`),
      tlsPrivateKeyFile: pki(`kubelet-${node.name}.key`),
      clusterDomain: 'cluster.local',
      resolvConf: path.join(node.dir, 'resolv.conf'),
      failSwapOn: false,
      oomScoreAdj: 0,
      maxOpenFiles: 20_000,
      maxPods: 60,
      evictionHard: {
        'memory.available': '200Mi',
        'nodefs.available': '2%',
        'imagefs.available': '2%',
        'nodefs.inodesFree': '2%',
      },
      imageGCHighThresholdPercent: 99,
      imageGCLowThresholdPercent: 98,
      // Both nodes report the whole machine: something is kept for what is not a pod.
      kubeReserved: { cpu: '200m', memory: '1Gi' },
    }),
  );
  return component(node, [
    path.join(BIN, 'kubelet'),
    ...flags({
      config: file,
      kubeconfig: pki(`kubelet-${node.name}.conf`),
      'hostname-override': node.name,
      'node-ip': node.address,
      'root-dir': path.join(node.dir, 'kubelet'),
    }),
  ]);
}

export function proxy(node: NodePlace): Component {
  const file = path.join(node.dir, 'proxy.yaml');
  writeFileSync(
    file,
    stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: 'iptables',
      clientConnection: { kubeconfig: pki('proxy.conf') },
      clusterCIDR: POD_RANGE,
      hostnameOverride: node.name,
      oomScoreAdj: 0,
      // nf_conntrack_max cannot be set in a network namespace.
      conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    }),
  );
  return component(node, [path.join(BIN, 'kube-proxy'), `--config=${file}`]);
}

export function metricsServer({ paths }: Programs, pace: Pace): Component {
  const conf = pki('metrics-server.conf');
  return component(NODE_A, [
    paths['metrics-server'] ?? '',
    ...flags({
      kubeconfig: conf,
      'authentication-kubeconfig': conf,
      'authorization-kubeconfig': conf,
      'secure-port': 4443,
      'cert-dir': path.join(STATE, 'metrics-server'),
      'kubelet-preferred-address-types': 'InternalIP',
      'kubelet-certificate-authority': pki('ca.crt'),
      'kubelet-use-node-status-port': true,
      'metric-resolution': `${pace.metricResolutionMs ?? LEAST_METRIC_RESOLUTION_MS}ms`,
      // Its patience must be shorter than that.
      'kubelet-request-timeout': '8s',
    }),
  ]);
}

export function prometheus({ paths }: Programs): Component {
  const file = path.join(STATE, 'prometheus.yaml');
  const tls = { ca_file: pki('ca.crt'), cert_file: pki('admin.crt'), key_file: pki('admin.key') };
  writeFileSync(
    file,
    stringify({
      global: { scrape_interval: '2s' },
      scrape_configs: [
        {
          job_name: 'pods',
          kubernetes_sd_configs: [{ role: 'pod', kubeconfig_file: pki('admin.conf') }],
          relabel_configs: POD_RELABELLING,
        },
        {
          job_name: 'cadvisor',
          scrape_interval: '10s',
          scheme: 'https',
          metrics_path: '/metrics/cadvisor',
          tls_config: tls,
          static_configs: [{ targets: NODES.map(({ address }) => `${address}:10250`) }],
        },
      ],
    }),
  );
  return component(NODE_A, [
    paths['prometheus'] ?? '',
    `--config.file=${file}`,
    `--storage.tsdb.path=${path.join(STATE, 'prometheus')}`,
    `--web.listen-address=${NODE_A.address}:9090`,
    '--storage.tsdb.retention.time=2h',
    '--log.level=warn',
  ]);
}

export function component(node: NodePlace, argv: string[], env: Record<string, string> = {}): Component {
  return { node: node.name, argv, env };
}
