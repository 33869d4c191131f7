/** Objects that introduce the add-ons, which run as host processes, to the cluster: Services without selectors, and who is behind them. */
import { NODE_A, NODES } from './layout.ts';
import { DAEMON_PORT } from './chaos-mesh.ts';

type KubeYaml = Record<string, unknown>;

export function metricsServerObjects(): KubeYaml[] {
  const user = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'proofload:metrics-server' };
  const role = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
  const rbac = 'rbac.authorization.k8s.io/v1';
  return [
    {
      apiVersion: rbac,
      kind: 'ClusterRole',
      metadata: { name: 'proofload:metrics-server' },
      rules: [
        { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
        {
          apiGroups: [''],
          resources: ['pods', 'nodes', 'namespaces', 'configmaps'],
          verbs: ['get', 'list', 'watch'],
        },
      ],
    },
    {
      apiVersion: rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'proofload:metrics-server' },
      roleRef: role('ClusterRole', 'proofload:metrics-server'),
      subjects: [user],
    },
    {
      apiVersion: rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'proofload:metrics-server-auth' },
      roleRef: role('ClusterRole', 'system:auth-delegator'),
      subjects: [user],
    },
    {
      apiVersion: rbac,
      kind: 'RoleBinding',
      metadata: { name: 'proofload:metrics-server-auth-reader', namespace: 'kube-system' },
      roleRef: role('Role', 'extension-apiserver-authentication-reader'),
      subjects: [user],
    },
    service('metrics-server', 'kube-system', { ports: [{ name: 'https', port: 443, targetPort: 4443 }] }),
    slice('metrics-server', 'kube-system', { name: 'https', port: 4443 }, [{ address: NODE_A.address }]),
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.metrics.k8s.io' },
      spec: {
        service: { name: 'metrics-server', namespace: 'kube-system', port: 443 },
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        insecureSkipTLSVerify: true,
        groupPriorityMinimum: 100,
        versionPriority: 100,
      },
    },
  ];
}

/** The default one: a claim without a class gets a folder of the disk that both nodes share, and its pods may move between them. */
export function storageClass(): KubeYaml {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    // In the controller manager itself.
    provisioner: 'kubernetes.io/host-path',
    reclaimPolicy: 'Delete',
  };
}

/** The controller finds a daemon by the name's beginning and the endpoint's nodeName. */
export function chaosMeshObjects(): KubeYaml[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'chaos-mesh' } },
    service('chaos-daemon', 'chaos-mesh', {
      clusterIP: 'None',
      ports: [{ name: 'grpc', port: DAEMON_PORT }],
    }),
    slice(
      'chaos-daemon',
      'chaos-mesh',
      { name: 'grpc', port: DAEMON_PORT },
      NODES.map(({ address, name }) => ({ address, nodeName: name })),
    ),
  ];
}

function service(name: string, namespace: string, spec: KubeYaml): KubeYaml {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec };
}

function slice(
  serviceName: string,
  namespace: string,
  port: { name: string; port: number },
  ends: { address: string; nodeName?: string }[],
): KubeYaml {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${serviceName}-local`,
      namespace,
      labels: { 'kubernetes.io/service-name': serviceName },
    },
    addressType: 'IPv4',
    ports: [{ ...port, protocol: 'TCP' }],
    endpoints: ends.map(({ address, nodeName }) => ({
      addresses: [address],
      conditions: { ready: true },
      ...(nodeName === undefined ? {} : { nodeName }),
    })),
  };
}
