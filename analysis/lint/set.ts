/** All objects of one set of manifests, read once, and how they hang together. */
import type { z } from 'zod';
import { type ReadHpa, readHpa } from '../hpa/defaults.ts';
import type { Finding, Manifest, Path } from './finding.ts';
import { list, map, maybe, number, scalar, strings, text } from './lenient.ts';
import { budgetSelects, MaybeLabelSelector, selects } from './selector.ts';
import { type Workload, workloadOf } from './workloads.ts';

const Service = map({
  type: text,
  clusterIP: text,
  selector: strings,
  sessionAffinity: text,
  ports: list(map({ name: text, port: number, targetPort: scalar })),
});
const Budget = map({ minAvailable: scalar, maxUnavailable: scalar, selector: MaybeLabelSelector });
const backend = maybe({ service: map({ name: text, port: map({ name: text, number }) }) });
const Ingress = map({
  metadata: map({ annotations: strings }),
  spec: map({
    defaultBackend: backend,
    rules: list(map({ http: map({ paths: list(map({ path: text, pathType: text, backend })) }) })),
  }),
});
const Data = map({ data: strings, stringData: strings, binaryData: strings });
const ScaledObject = map({
  scaleTargetRef: map({ kind: text, name: text }),
  minReplicaCount: number,
  maxReplicaCount: number,
  triggers: list(map({ type: text, metadata: strings, authenticationRef: maybe({ name: text }) })),
});
const ScalerV1 = map({ targetCPUUtilizationPercentage: number });
const ScaleDown = map({ behavior: map({ scaleDown: map({ selectPolicy: text }) }) });
const LimitRange = map({ limits: list(map({ type: text, default: strings, defaultRequest: strings })) });

export interface ServiceObject {
  manifest: Manifest;
  spec: z.infer<typeof Service>;
}
export interface BudgetObject {
  manifest: Manifest;
  spec: z.infer<typeof Budget>;
}
export interface IngressObject {
  manifest: Manifest;
  annotations: Record<string, string>;
  /** Every backend that is a Service. */
  routes: {
    path: string;
    pathType: string;
    service: string;
    port: { name?: string; number?: number };
    at: Path;
  }[];
}
export interface DataObject {
  manifest: Manifest;
  keys: string[];
  /** Of a ConfigMap; a Secret's values are nobody's business here. */
  texts: Record<string, string>;
}
/** What changes the number of replicas: an HPA, or a ScaledObject, which makes one. */
export interface Scaler {
  manifest: Manifest;
  target: { kind: string; name: string };
  min: number;
  max: number;
  /** Null: not an HPA, or one that cannot be read. */
  hpa: ReadHpa['spec'] | null;
  /** `behavior.scaleDown.selectPolicy` is written down. */
  choosesDown: boolean;
}
export interface ManifestSet {
  all: readonly Manifest[];
  workloads: readonly Workload[];
  scalers: readonly Scaler[];
  /** HPAs that cannot be read, with the reason. */
  unread: readonly { manifest: Manifest; why: string }[];
  scaledObjects: readonly { manifest: Manifest; spec: z.infer<typeof ScaledObject> }[];
  services: readonly ServiceObject[];
  budgets: readonly BudgetObject[];
  ingresses: readonly IngressObject[];
  configMaps: readonly DataObject[];
  secrets: readonly DataObject[];
  limitRanges: readonly { manifest: Manifest; limits: z.infer<typeof LimitRange>['limits'] }[];
}

/** Never throws: what is not understood of an object is absent. */
export function manifestSet(all: readonly Manifest[]): ManifestSet {
  const of = (kind: string) => all.filter((manifest) => manifest.kind === kind);
  const spec = ({ value }: Manifest) =>
    typeof value === 'object' && value !== null ? Reflect.get(value, 'spec') : undefined;
  const hpas = of('HorizontalPodAutoscaler').map((manifest) => ({ manifest, read: readScaler(manifest) }));
  const scaledObjects = of('ScaledObject').map((manifest) => ({
    manifest,
    spec: ScaledObject.parse(spec(manifest)),
  }));
  return {
    all,
    workloads: all.flatMap((manifest) => workloadOf(manifest) ?? []),
    scalers: [
      ...hpas.flatMap(({ manifest, read }) => (typeof read === 'string' ? [] : [scalerOf(manifest, read)])),
      ...scaledObjects.map(({ manifest, spec: { scaleTargetRef, minReplicaCount, maxReplicaCount } }) => ({
        manifest,
        target: { kind: scaleTargetRef.kind ?? 'Deployment', name: scaleTargetRef.name ?? '' },
        // Defaults of KEDA: keda.sh/docs, ScaledObject specification.
        min: minReplicaCount ?? 0,
        max: maxReplicaCount ?? 100,
        hpa: null,
        choosesDown: false,
      })),
    ],
    unread: hpas.flatMap(({ manifest, read }) => (typeof read === 'string' ? [{ manifest, why: read }] : [])),
    scaledObjects,
    services: of('Service').map((manifest) => ({ manifest, spec: Service.parse(spec(manifest)) })),
    budgets: of('PodDisruptionBudget').map((manifest) => ({ manifest, spec: Budget.parse(spec(manifest)) })),
    ingresses: of('Ingress').map(ingressOf),
    configMaps: of('ConfigMap').map(dataOf),
    secrets: of('Secret').map(dataOf),
    limitRanges: of('LimitRange').map((manifest) => ({
      manifest,
      limits: LimitRange.parse(spec(manifest)).limits,
    })),
  };
}

function readScaler(manifest: Manifest): ReadHpa | string {
  const read = readHpa(manifest.value);
  const value = manifest.value as { apiVersion?: unknown; spec?: unknown };
  if (typeof read === 'string' || value.apiVersion !== 'autoscaling/v1') return read;
  const { targetCPUUtilizationPercentage: percent = 80 } = ScalerV1.parse(value.spec);
  const cpu = { source: 'Resource', name: 'cpu', target: { type: 'utilization', value: percent } } as const;
  return { ...read, spec: { ...read.spec, metrics: [cpu] } };
}

function scalerOf(manifest: Manifest, { spec, target }: ReadHpa): Scaler {
  const { behavior } = ScaleDown.parse((manifest.value as { spec?: unknown }).spec);
  return {
    manifest,
    target,
    min: spec.min,
    max: spec.max,
    hpa: spec,
    choosesDown: behavior.scaleDown.selectPolicy !== undefined,
  };
}

function ingressOf(manifest: Manifest): IngressObject {
  const { metadata, spec } = Ingress.parse(manifest.value);
  const places = [
    { path: '/', pathType: 'Prefix', backend: spec.defaultBackend, at: ['spec', 'defaultBackend'] },
    ...spec.rules.flatMap(({ http }, rule) =>
      http.paths.map(({ path = '/', pathType = '', backend: to }, index) => ({
        path,
        pathType,
        backend: to,
        at: ['spec', 'rules', rule, 'http', 'paths', index],
      })),
    ),
  ];
  const routes = places.flatMap(({ backend: to, ...route }) => {
    if (to?.service.name === undefined) return [];
    const { name, number: portNumber } = to.service.port;
    const port = {
      ...(name !== undefined && { name }),
      ...(portNumber !== undefined && { number: portNumber }),
    };
    return [{ ...route, service: to.service.name, port }];
  });
  return { manifest, annotations: metadata.annotations, routes };
}

function dataOf(manifest: Manifest): DataObject {
  const { data, stringData, binaryData } = Data.parse(manifest.value);
  return {
    manifest,
    keys: Object.keys({ ...data, ...stringData, ...binaryData }),
    texts: manifest.kind === 'ConfigMap' ? data : {},
  };
}

/** Objects without a namespace are applied beside whatever they are applied with. */
export function together(a: Manifest, b: Manifest): boolean {
  return a.namespace === undefined || b.namespace === undefined || a.namespace === b.namespace;
}

/** Words for a message: `Deployment luminate`. */
export function titleOf({ kind, name }: Pick<Manifest, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

/** What changes the number of its replicas; more than one is a conflict. */
export function scalersOf({ scalers }: ManifestSet, { manifest }: Workload): Scaler[] {
  return scalers.filter(
    (scaler) =>
      scaler.target.kind === manifest.kind &&
      scaler.target.name === manifest.name &&
      together(scaler.manifest, manifest),
  );
}

/** What it scales, where that is in the set. */
export function targetOf({ workloads }: ManifestSet, { target, manifest }: Scaler): Workload | undefined {
  return workloads.find(
    (workload) =>
      workload.manifest.kind === target.kind &&
      workload.manifest.name === target.name &&
      together(workload.manifest, manifest),
  );
}

/** Budgets whose selector matches the pods; more than one refuses every eviction. */
export function budgetsOf({ budgets }: ManifestSet, { manifest, labels }: Workload): BudgetObject[] {
  return budgets.filter(
    (budget) => together(budget.manifest, manifest) && budgetSelects(budget.spec.selector, labels),
  );
}

/** Services whose selector matches the pods. */
export function servicesOf({ services }: ManifestSet, { manifest, labels }: Workload): ServiceObject[] {
  return services.filter(
    ({ manifest: service, spec }) =>
      together(service, manifest) && selects({ matchLabels: spec.selector, matchExpressions: [] }, labels),
  );
}

/** Ingresses that lead to a Service of the workload. */
export function ingressesOf(set: ManifestSet, workload: Workload): IngressObject[] {
  const services = servicesOf(set, workload);
  return set.ingresses.filter(({ manifest, routes }) =>
    routes.some((route) =>
      services.some(
        (service) => service.manifest.name === route.service && together(service.manifest, manifest),
      ),
    ),
  );
}

/** The fewest and the most replicas that the manifests ask for. */
export function replicasOf(set: ManifestSet, workload: Workload): { min: number; max: number } {
  const [scaler] = scalersOf(set, workload);
  const replicas = workload.controller.replicas ?? 1;
  return scaler ? { min: scaler.min, max: scaler.max } : { min: replicas, max: replicas };
}

/** A finding in few words. */
export function finding(manifest: Manifest, path: Path, why: string, fix: string): Finding {
  return { manifest, path, why, fix };
}
