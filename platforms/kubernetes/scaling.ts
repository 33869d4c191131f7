/** What the HPA of the workload works with right now, asked of the API: its spec, the pods' CPU request, and their CPU as metrics-server has it. */
import { z } from 'zod';
import { scaledBackMs } from '../../analysis/hpa/bounds.ts';
import { readHpa } from '../../analysis/hpa/defaults.ts';
import { resourceMetric } from '../../analysis/hpa/rest-points.ts';
import { CONTROLLER_DEFAULTS, type ControllerParameters } from '../../analysis/hpa/types.ts';
import { milliOf } from '../../analysis/quantity.ts';
import { parseDurationMs } from '../../record/duration.ts';
import { selectsLabels } from '../manifests/find.ts';
import { CannotRun } from '../platform.ts';
import type { Scaling } from '../platform.ts';
import type { Deployed, KubeObject } from './cluster.ts';
import { isReady, isTerminating, readPod } from './pod-shape.ts';

const HPA = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
const POD_METRICS = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics' };

/** `--metric-resolution` of metrics-server's own manifest. */
const METRICS_PERIOD_MS = 15_000;

const Sizes = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.object({
            name: z.string(),
            resources: z
              .object({
                requests: z.record(z.string(), z.unknown()).default({}),
                limits: z.record(z.string(), z.unknown()).default({}),
              })
              .prefault({}),
          }),
        ),
      }),
    }),
  }),
});

const Sample = z.object({
  timestamp: z.string(),
  window: z.string(),
  containers: z.array(z.object({ usage: z.object({ cpu: z.unknown() }) })),
});

/** Null when no HPA scales the workload. Throws CannotRun when its spec, or the pods' request, is not understood or not there. */
export async function readScaling({
  cluster,
  namespace,
  deployment,
  deploymentNow,
  labels,
  pods,
  nowMs,
}: Pick<
  Deployed,
  'cluster' | 'namespace' | 'deployment' | 'deploymentNow' | 'labels' | 'pods' | 'nowMs'
>): Promise<Scaling | null> {
  const found = (await cluster.list(HPA, { namespace })).flatMap((object) => {
    const read = readHpa(object);
    if (typeof read === 'string') throw new CannotRun(`HPA ${object.metadata.name}: ${read}`);
    return read.target.name === deployment && read.target.kind === 'Deployment' ? [read.spec] : [];
  });
  const [spec] = found;
  if (spec === undefined) return null;
  const { requestMilli, limitMilli, lacking } = cpuOfPod(deploymentNow());
  if (lacking !== null)
    throw new CannotRun(
      `Deployment ${deployment}: container ${lacking} requests no CPU, so its HPA has nothing to divide by`,
    );
  const samples = new Map(
    (await cluster.list(POD_METRICS, { namespace })).map((object) => [object.metadata.name, object]),
  );
  // What is on its way, in or out, has no sample of its own yet or none that counts.
  const live = pods().filter(
    (pod) =>
      selectsLabels(labels, pod.metadata.labels ?? {}) &&
      isReady(readPod(pod)) &&
      !isTerminating(readPod(pod)),
  );
  const offsetMs = Date.now() - nowMs();
  const cpu = live.map((pod) => {
    const sample = samples.get(pod.metadata.name);
    return sample === undefined ? null : readSample(sample, offsetMs);
  });
  return {
    spec,
    requestMilli,
    limitMilli,
    cpu: cpu.some((sample) => sample === null) ? [] : cpu.filter((sample) => sample !== null),
  };
}

/**
 * The longest legal way back to the minimum that the manifests leave to a controller of these parameters, milliseconds, for planning: what is in
 * force is judged. Null where no HPA scales the workload on CPU, or it has nothing to divide by.
 */
export function plannedScaleBackMs(
  objects: readonly KubeObject[],
  deployment: string,
  controller: Partial<Omit<ControllerParameters, 'version'>>,
): number | null {
  const target = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === deployment);
  const [hpa] = objects
    .filter(({ kind }) => kind === HPA.kind)
    .map(readHpa)
    .filter((read) => typeof read !== 'string' && read.target.name === deployment);
  if (hpa === undefined || typeof hpa === 'string' || !resourceMetric(hpa.spec, 'cpu')) return null;
  const { requestMilli, limitMilli, lacking } = cpuOfPod(target);
  if (lacking !== null) return null;
  const parameters = { ...CONTROLLER_DEFAULTS, ...controller };
  return scaledBackMs({ spec: hpa.spec, requestMilli, limitMilli }, parameters, METRICS_PERIOD_MS);
}

function cpuOfPod(deployment: KubeObject | undefined): {
  requestMilli: number;
  limitMilli: number | null;
  /** The first container without a request. */
  lacking: string | null;
} {
  const { containers } = Sizes.parse(deployment).spec.template.spec;
  // The API server takes a limit for the request where there is none; manifests that it has not seen yet are read alike.
  const requests = containers.map(({ resources }) =>
    milliOf(resources.requests['cpu'] ?? resources.limits['cpu']),
  );
  const limits = containers.map(({ resources }) => milliOf(resources.limits['cpu']));
  return {
    requestMilli: total(requests.map((request) => request ?? 0)),
    limitMilli: limits.some((limit) => limit === null) ? null : total(limits.map((limit) => limit ?? 0)),
    lacking: containers[requests.indexOf(null)]?.name ?? null,
  };
}

/** Null when it is not understood. `offsetMs`: the wall clock minus the run's. */
function readSample(object: KubeObject, offsetMs: number): Scaling['cpu'][number] | null {
  const parsed = Sample.safeParse(object);
  if (!parsed.success) return null;
  const { timestamp, window, containers } = parsed.data;
  const usage = containers.map(({ usage: { cpu } }) => milliOf(cpu));
  const windowMs = parseDurationMs(window);
  if (usage.some((milli) => milli === null) || windowMs === null) return null;
  return {
    pod: object.metadata.name,
    usageMilli: total(usage.map((milli) => milli ?? 0)),
    atMs: Date.parse(timestamp) - offsetMs,
    windowMs,
  };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
