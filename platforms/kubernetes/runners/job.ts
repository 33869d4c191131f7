/** The objects of a load inside the cluster: the script, its environment, and an Indexed Job of k6 runners that wait to be released. */
import { UsageError } from '../../../record/model.ts';
import type { KubeObject, ObjectMeta } from '../cluster.ts';
import { RUN_LABEL } from '../labels.ts';
import { OWN_SEGMENT, segmentSequence } from './segments.ts';

/** Which load of the run an object belongs to; its value is the base name of the runners. */
const LOAD_LABEL = 'proofload.dev/load';
/** Of every container that runs k6; the k6-operator calls its own so too. */
export const CONTAINER = 'k6';
/** Where `--address` puts k6's REST API. */
export const REST_PORT = 6565;
/** kube-apiserver refuses more data in a ConfigMap (MaxSecretSize, 1 MiB); the key counts too. */
const CONFIG_MAP_BYTES = 2 ** 20;
export const SCRIPT_KEY = 'script.js';
const SCRIPT_DIR = '/scripts';
/** A finished Job that nobody came back for. */
const KEPT_S = 600;
/** k6 interrupts its writes at once and then only writes its summary. */
const GRACE_S = 5;
/** Memory of a runner: k6 itself, and each of its virtual users with a batch (measured: 2 MB, most of it garbage). */
const BASE_MEMORY_MI = 256;
const VU_MEMORY_MI = 3;

/** What the `restricted` Pod Security Standard asks of a pod and of a container; the runner's image has a user of its own. */
export const POD_SECURITY = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
export const CONTAINER_SECURITY = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };

export interface LoadObjects {
  namespace: string;
  runId: string;
  /** Name of every object, and of the runners before their number. */
  base: string;
  count: number;
  scriptJs: string;
  image: string;
  /** For the script; goes into a Secret, whatever it is. */
  env: Record<string, string>;
  ratePerS: number;
  /** Of all runners together. */
  vus: number;
  forMs: number;
  /** After this, from its start, the cluster itself ends the load, milliseconds. */
  deadlineMs: number;
}

/** Throws UsageError for what no cluster could run. */
export function checkLoad({ base, count, scriptJs, env, vus }: LoadObjects): void {
  const refuse = (what: string) => {
    throw new UsageError(`load "${base}": ${what}`);
  };
  // Pods of a Job have a number and five letters behind its name, all within the 63 of a DNS label.
  if (!/^[a-z]([a-z0-9-]{0,45}[a-z0-9])?$/.test(base))
    refuse('a runner is named by 1 to 47 lower-case letters, digits and hyphens');
  if (!Number.isInteger(count) || count < 1) refuse(`expected 1 runner or more, got ${count}`);
  if (vus < count) refuse(`${vus} virtual users cannot be shared by ${count} runners; use fewer runners`);
  const bytes = Buffer.byteLength(scriptJs) + SCRIPT_KEY.length;
  if (bytes > CONFIG_MAP_BYTES)
    refuse(
      `the bundled script has ${bytes} bytes and a ConfigMap holds ${CONFIG_MAP_BYTES}; import less, or build it without a source map`,
    );
  for (const name of Object.keys(env))
    if (!/^[A-Za-z_]\w*$/.test(name)) refuse(`"${name}" is no name of an environment variable`);
}

export function loadLabels({ runId, base }: Pick<LoadObjects, 'runId' | 'base'>): Record<string, string> {
  return { [RUN_LABEL]: runId, [LOAD_LABEL]: base };
}

export function loadMeta(load: LoadObjects): ObjectMeta {
  return { name: load.base, namespace: load.namespace, labels: loadLabels(load) };
}

/** Script and environment, in this order: the pods need them. */
export function loadData(load: LoadObjects): KubeObject[] {
  const metadata = loadMeta(load);
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, immutable: true, data: { [SCRIPT_KEY]: load.scriptJs } },
    { apiVersion: 'v1', kind: 'Secret', metadata, immutable: true, type: 'Opaque', stringData: load.env },
  ];
}

/** k6's own settings and the script's; nothing in here is a secret. */
export function k6Environment({
  runId,
  env,
  ratePerS,
  vus,
  forMs,
}: LoadObjects): { name: string; value: string }[] {
  const values = {
    RUN_ID: env['RUN_ID'] ?? runId,
    RATE: String(ratePerS),
    DURATION_MS: String(forMs),
    VUS: String(vus),
    // k6 takes this word for its standard output: the pod's log is the way out of the cluster.
    SUMMARY_FILE: 'stdout',
    K6_NO_USAGE_REPORT: 'true',
    K6_AUTO_EXTENSION_RESOLUTION: 'false',
    // Memory for CPU: rarer collections make a write a third cheaper.
    GOGC: '400',
  };
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** Arguments of `k6 run` wherever it runs. Ledger lines go to standard error with k6's own words. */
export const K6_ARGS = ['--no-thresholds', '--log-format=raw', '--log-output=stderr'] as const;

/** One index, one runner. */
export function runnerJob(load: LoadObjects): KubeObject {
  const { base, count, deadlineMs } = load;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: loadMeta(load),
    spec: {
      completionMode: 'Indexed',
      completions: count,
      parallelism: count,
      // A runner that died is not replaced: nobody would release it. Per index, since with backoffLimit 0 the Job would end the others, too.
      backoffLimitPerIndex: 0,
      backoffLimit: count,
      activeDeadlineSeconds: Math.ceil(deadlineMs / 1_000),
      ttlSecondsAfterFinished: KEPT_S,
      template: {
        metadata: { labels: loadLabels(load) },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: GRACE_S,
          topologySpreadConstraints: [spread(load)],
          securityContext: POD_SECURITY,
          containers: [container(load)],
          volumes: [{ name: 'script', configMap: { name: base } }],
        },
      },
    },
  };
}

function container(load: LoadObjects): Record<string, unknown> {
  const { base, count, image } = load;
  return {
    name: CONTAINER,
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/sh', '-ec'],
    args: [runScript()],
    env: [
      ...k6Environment(load),
      { name: 'RUNNER_BASE', value: base },
      { name: 'RUNNERS', value: String(count) },
      { name: 'SEQUENCE', value: segmentSequence(count) },
    ],
    envFrom: [{ secretRef: { name: base } }],
    ports: [{ name: 'rest', containerPort: REST_PORT }],
    ...runnerContainer(load),
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [{ name: 'script', mountPath: SCRIPT_DIR, readOnly: true }],
  };
}

/** What a runner's container needs, whoever makes it. */
export function runnerContainer({ count, vus }: LoadObjects): Record<string, unknown> {
  const memory = `${BASE_MEMORY_MI + VU_MEMORY_MI * Math.ceil(vus / count)}Mi`;
  return {
    // No limit of CPU: a throttled generator is late, and that would look like the system's latency.
    resources: { requests: { cpu: '250m', memory }, limits: { memory } },
    // With the default of 10 s a runner is seen to be ready long after it is.
    readinessProbe: { tcpSocket: { port: REST_PORT }, periodSeconds: 1, failureThreshold: 3 },
  };
}

/** Evenly over the nodes, but on one node rather than not at all. */
export function spread(load: LoadObjects): Record<string, unknown> {
  return {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: loadLabels(load) },
  };
}

/** The same text for every load: what differs comes from the environment. */
function runScript(): string {
  const args = [
    ...K6_ARGS,
    '--quiet',
    '--paused',
    `--address=0.0.0.0:${REST_PORT}`,
    '--execution-segment="$SEGMENT"',
    '--execution-segment-sequence="$SEQUENCE"',
  ];
  return `${OWN_SEGMENT}\nexec k6 run ${args.join(' ')} ${SCRIPT_DIR}/${SCRIPT_KEY}`;
}
