/** The objects of a Prometheus that watches one namespace, the one of the system under test, and the rights that they take. */
import { stringify } from 'yaml';
import { POD_RELABELLING } from '../pod-relabelling.ts';
import type { PrometheusRequest } from '../platform.ts';
import type { Access, KubeObject, ObjectMeta } from './cluster.ts';
import { PROMETHEUS_LABEL, RUN_LABEL } from './labels.ts';
import { rightsIn } from './rights.ts';
import { CONTAINER_SECURITY, POD_SECURITY } from './runners/job.ts';

/** Of every object; also of the container. */
export const PROMETHEUS = 'proofload-prometheus';
export const PROMETHEUS_PORT = 9_090;
/** The release's image index, all architectures: the one that platforms/addons/prometheus.yaml names, so that kind has it already. */
export const RELEASED_IMAGE =
  'quay.io/prometheus/prometheus:v3.14.0@sha256:5ce7540c3c00ef4ab0c9d2c995c6a5b9c421f44b4a115d97a2c7af3b1c21cbb0';

const CONFIG_DIR = '/etc/prometheus';
const CONFIG_FILE = 'prometheus.yml';
const DATA_DIR = '/prometheus';
/** `nobody`, as the released image has it. */
const USER = 65_534;
const RBAC = 'rbac.authorization.k8s.io';

export interface PrometheusPlace {
  namespace: string;
  runId: string;
  image: string;
  /** `host:port` where notifications go; undefined: nowhere. */
  alertmanager: string | undefined;
}

/** In the order in which each finds what it needs. */
export function prometheusObjects(
  { config, rules, flags }: Pick<PrometheusRequest, 'config' | 'rules' | 'flags'>,
  { namespace, runId, image, alertmanager }: PrometheusPlace,
): KubeObject[] {
  // None of these labels is one that a system selects its own pods by.
  const labels = { [RUN_LABEL]: runId, [PROMETHEUS_LABEL]: 'true' };
  const metadata: ObjectMeta = { name: PROMETHEUS, namespace, labels };
  const rbac = { apiVersion: `${RBAC}/v1`, metadata };
  const ruleFiles = Object.keys(rules);
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      ...rbac,
      kind: 'Role',
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      ...rbac,
      kind: 'RoleBinding',
      roleRef: { apiGroup: RBAC, kind: 'Role', name: PROMETHEUS },
      subjects: [{ kind: 'ServiceAccount', name: PROMETHEUS, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      immutable: true,
      data: { [CONFIG_FILE]: `${config.trimEnd()}\n${targets(namespace, alertmanager)}`, ...rules },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        serviceAccountName: PROMETHEUS,
        // A container that died comes back to its samples; a pod that was evicted would come back without them, and says so instead.
        restartPolicy: 'Always',
        securityContext: { ...POD_SECURITY, runAsUser: USER, runAsGroup: USER, fsGroup: USER },
        containers: [container(image, flags)],
        volumes: [
          {
            name: 'config',
            configMap: {
              name: PROMETHEUS,
              items: [
                { key: CONFIG_FILE, path: CONFIG_FILE },
                ...ruleFiles.map((file) => ({ key: file, path: `rules/${file}` })),
              ],
            },
          },
          { name: 'data', emptyDir: { sizeLimit: '2Gi' } },
        ],
      },
    },
  ];
}

function targets(namespace: string, alertmanager: string | undefined): string {
  return stringify({
    scrape_configs: [
      {
        job_name: 'pods',
        kubernetes_sd_configs: [{ role: 'pod', namespaces: { names: [namespace] } }],
        relabel_configs: POD_RELABELLING,
      },
    ],
    ...(alertmanager !== undefined && {
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    }),
  });
}

function container(image: string, flags: readonly string[]): Record<string, unknown> {
  return {
    name: PROMETHEUS,
    image,
    imagePullPolicy: 'IfNotPresent',
    args: [
      `--config.file=${CONFIG_DIR}/${CONFIG_FILE}`,
      `--storage.tsdb.path=${DATA_DIR}`,
      `--web.listen-address=:${PROMETHEUS_PORT}`,
      '--log.level=warn',
      ...flags,
    ],
    ports: [{ name: 'http', containerPort: PROMETHEUS_PORT }],
    readinessProbe: { httpGet: { path: '/-/ready', port: 'http' }, periodSeconds: 1 },
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
    securityContext: { ...CONTAINER_SECURITY, readOnlyRootFilesystem: true },
    volumeMounts: [
      { name: 'config', mountPath: CONFIG_DIR, readOnly: true },
      { name: 'data', mountPath: DATA_DIR },
    ],
  };
}

/** Every right that it takes, beyond those of any run: among these are the ones it is given, which RBAC lets nobody give who has not got them. */
export function prometheusRights(namespace: string): Access[] {
  const inside = rightsIn(namespace);
  const make = ['create', 'delete'];
  return [
    ...inside('', 'serviceaccounts', make),
    ...inside(RBAC, 'roles', make),
    ...inside(RBAC, 'rolebindings', make),
    ...inside('', 'configmaps', make),
    ...inside('', 'pods', make),
  ];
}
