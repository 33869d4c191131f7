/** Reads a Chaos Mesh object of `chaos/`: strictly, since a misspelt field would make a different fault than the one that is judged. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseDurationMs } from '../../record/duration.ts';
import { UsageError } from '../../record/model.ts';
import {
  badInput,
  fieldName,
  find,
  nearest,
  parseLocated,
  readYaml,
  shownPath,
} from '../manifests/located.ts';
import type { Located } from '../manifests/located.ts';
import type { Effect } from './network/messages.ts';
import { leftOut } from '../manifests/unplayed.ts';
import type { Unplayed } from '../manifests/unplayed.ts';

const duration = z
  .string()
  .refine((text) => parseDurationMs(text) !== null, 'expected a duration such as 30s or 1m30s');
/** Known to Chaos Mesh, without a meaning among local processes; reported as unplayed. */
const elsewhere = z.unknown().optional();

const Selector = z.strictObject({
  namespaces: z.array(z.string()).optional(),
  labelSelectors: z.record(z.string(), z.string()),
  expressionSelectors: elsewhere,
  annotationSelectors: elsewhere,
  fieldSelectors: elsewhere,
  podPhaseSelectors: elsewhere,
  nodeSelectors: elsewhere,
  nodes: elsewhere,
  pods: elsewhere,
});
const UNPLAYED = [
  'expressionSelectors',
  'annotationSelectors',
  'fieldSelectors',
  'podPhaseSelectors',
  'nodeSelectors',
  'nodes',
  'pods',
  'containerNames',
  'remoteCluster',
  'device',
  'targetDevice',
  'externalTargets',
  'correlation',
  'reorder',
];

const Mode = z.enum(['one', 'all', 'fixed', 'fixed-percent', 'random-max-percent']);
const head = {
  apiVersion: z.literal('chaos-mesh.org/v1alpha1'),
  metadata: z.strictObject({
    name: z.string(),
    namespace: elsewhere,
    labels: elsewhere,
    annotations: elsewhere,
  }),
};
const target = { mode: Mode, value: z.string().optional(), selector: Selector };
const only = (actions: readonly [string, ...string[]]) =>
  z.enum(actions, {
    error: `the local platform plays ${actions.join(' and ')} only; use a cluster for the others`,
  });

const PodChaos = z.strictObject({
  ...head,
  kind: z.literal('PodChaos'),
  spec: z.strictObject({
    ...target,
    action: only(['pod-kill']),
    gracePeriod: z
      .literal(0, {
        error: 'the local platform kills with grace 0 only; use rollout-restart for a gentle end',
      })
      .default(0),
    duration: duration.optional(),
    containerNames: elsewhere,
    remoteCluster: elsewhere,
  }),
});
const NetworkChaos = z.strictObject({
  ...head,
  kind: z.literal('NetworkChaos'),
  spec: z.strictObject({
    ...target,
    action: only(['partition', 'delay']),
    direction: z.enum(['to', 'from', 'both']).default('to'),
    duration: duration.optional(),
    target: z.strictObject(target, {
      error: 'without a target everything is cut, probes too; name the store as the target',
    }),
    delay: z
      .strictObject({
        latency: duration,
        jitter: z.union([duration, z.literal(['0', '0s', '0ms'])]).default('0ms'),
        correlation: elsewhere,
        reorder: elsewhere,
      })
      .optional(),
    device: elsewhere,
    targetDevice: elsewhere,
    externalTargets: elsewhere,
    remoteCluster: elsewhere,
  }),
});

export interface ChaosFault {
  kind: 'pod-kill' | 'partition' | 'delay';
  mode: z.infer<typeof Mode>;
  value: string | undefined;
  /** Of the pods it is aimed at, and of the other end. */
  labels: Record<string, string>;
  targetLabels: Record<string, string>;
  direction: 'to' | 'from' | 'both';
  /** `spec.duration` of a fault that lasts: its length where the scenario gives none. */
  durationMs: number | undefined;
  /** On the links between them; `open` for pod-kill. */
  effect: Effect;
  unplayed: Unplayed[];
  /** For messages about it. */
  place: Located;
  title: string;
}

/** Reads `<folder>/<name>.yaml`. Throws UsageError with file, line and field. */
export function readChaos(folder: string, name: string): ChaosFault {
  const file = path.join(folder, `${name}.yaml`);
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name) || !existsSync(file)) {
    const known = existsSync(folder) ? readdirSync(folder).filter((entry) => entry.endsWith('.yaml')) : [];
    throw new UsageError(
      `${shownPath(file)}: no such fault; there is: ${known.map((entry) => entry.slice(0, -5)).join(', ') || 'none'}`,
    );
  }
  const [node, second] = readYaml(file);
  if (node === undefined)
    throw new UsageError(`${shownPath(file)}: empty; one Chaos Mesh object is expected`);
  if (second !== undefined)
    throw badInput(second, 'fault', '', 'a second object; one Chaos Mesh object per file');
  const kind = nearest(node, ['kind']);
  const title = `${typeof kind.value === 'string' ? kind.value : 'fault'} ${name}`;
  const common = {
    unplayed: [...unplayedOf(node, title), ...withoutEffect(node, title)],
    place: node,
    title,
  };
  if (kind.value === 'PodChaos') {
    const { spec } = parseLocated(PodChaos, node, title);
    checkValue(node, title, spec.mode, spec.value);
    return {
      ...common,
      kind: 'pod-kill',
      mode: spec.mode,
      value: spec.value,
      labels: spec.selector.labelSelectors,
      targetLabels: {},
      direction: 'to',
      durationMs: undefined,
      effect: { kind: 'open' },
    };
  }
  if (kind.value !== 'NetworkChaos')
    throw badInput(kind, title, 'kind', 'the local platform plays PodChaos and NetworkChaos only');
  const { spec } = parseLocated(NetworkChaos, node, title);
  checkValue(node, title, spec.mode, spec.value);
  const delay = spec.action === 'delay' ? spec.delay : undefined;
  if (spec.action === 'delay' && delay === undefined)
    throw badInput(
      nearest(node, ['spec', 'action']),
      title,
      'spec.delay',
      'missing; give latency and jitter',
    );
  if (spec.action !== 'delay' && spec.delay !== undefined)
    throw badInput(nearest(node, ['spec', 'delay']), title, 'spec.delay', 'belongs to the action delay');
  return {
    ...common,
    kind: spec.action === 'delay' ? 'delay' : 'partition',
    mode: spec.mode,
    value: spec.value,
    labels: spec.selector.labelSelectors,
    targetLabels: spec.target.selector.labelSelectors,
    direction: spec.direction,
    durationMs: spec.duration === undefined ? undefined : (parseDurationMs(spec.duration) ?? undefined),
    effect: delay
      ? {
          kind: 'delay',
          latencyMs: parseDurationMs(delay.latency) ?? 0,
          jitterMs: parseDurationMs(delay.jitter) ?? 0,
        }
      : { kind: 'cut' },
  };
}

function checkValue(node: Located, title: string, mode: ChaosFault['mode'], value: string | undefined): void {
  const needed = mode !== 'one' && mode !== 'all';
  const highest = mode === 'fixed' ? Infinity : 100;
  if (
    needed &&
    !(value !== undefined && /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= highest)
  )
    throw badInput(
      nearest(node, ['spec', 'mode']),
      title,
      'spec.value',
      `mode ${mode} needs a whole number in quotes`,
    );
}

/** Fields that are played for other values of their neighbours, or that change nothing because there is one store. */
function withoutEffect(node: Located, title: string): Unplayed[] {
  const valueOf = (...at: string[]) => find(node, at)?.value;
  const found: Unplayed[] = [];
  const add = (why: string, ...at: string[]) => {
    const place = find(node, at);
    if (place !== undefined) found.push(leftOut(place, title, fieldName(at), why));
  };
  const mode = valueOf('spec', 'mode');
  if (mode === 'one' || mode === 'all') add(`mode ${mode} takes no value`, 'spec', 'value');
  if (valueOf('spec', 'action') === 'pod-kill') add('a pod-kill is over at once', 'spec', 'duration');
  if (valueOf('spec', 'target', 'mode') !== 'all')
    add('there is one store, and all of it is meant', 'spec', 'target', 'mode');
  add('there is one store, and all of it is meant', 'spec', 'target', 'value');
  return found;
}

function unplayedOf(node: Located, title: string, at: readonly PropertyKey[] = []): Unplayed[] {
  if (!(node.value instanceof Map)) return [];
  return [...node.value].flatMap(([key, child]) =>
    UNPLAYED.includes(key)
      ? [
          leftOut(
            child,
            title,
            fieldName([...at, key]),
            'among local processes there is nothing it could select or change',
          ),
        ]
      : unplayedOf(child, title, [...at, key]),
  );
}
