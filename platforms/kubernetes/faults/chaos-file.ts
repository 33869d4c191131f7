/** Reads a Chaos Mesh object strictly: a misspelt field would make a different fault than the one that is judged. */
import type { z } from 'zod';
import { parseDurationMs } from '../../../record/duration.ts';
import { UsageError } from '../../../record/model.ts';
import { badInput, find, nearest, parseLocated } from '../../manifests/located.ts';
import type { Located } from '../../manifests/located.ts';
import type { FaultUse } from '../../platform.ts';
import { NetworkChaos, PodChaos, StressChaos } from './chaos-schema.ts';
import type { Mode, Target } from './chaos-schema.ts';

export interface Aim {
  mode: z.infer<typeof Mode>;
  value: string | undefined;
  /** Of the file's selector; empty = the namespace of the object. */
  namespaces: string[];
  /** A pod has all of them, and of each of `oneOf` one. At least one of the two says something. */
  labels: Record<string, string>;
  oneOf: readonly { key: string; values: readonly string[] }[];
}

export type Effect =
  | { action: 'pod-kill'; graceSeconds: number }
  | { action: 'pod-failure' }
  | { action: 'container-kill'; containers: string[] }
  | { action: 'partition' }
  | { action: 'delay'; latencyMs: number }
  /** Share of packets, 0..1. */
  | { action: 'loss'; share: number }
  | { action: 'bandwidth'; bytesPerS: number }
  | { action: 'stress-cpu'; cores: number; container: string | undefined }
  | { action: 'stress-memory'; bytes: number; container: string | undefined };

export interface ChaosFile {
  kind: 'PodChaos' | 'NetworkChaos' | 'StressChaos';
  name: string;
  aim: Aim;
  /** The other end of a NetworkChaos; a bandwidth without one limits everything that is sent. */
  target: Aim | undefined;
  direction: 'to' | 'from' | 'both';
  effect: Effect;
  /** `spec.duration`; undefined also for what is over at once. */
  durationMs: number | undefined;
  /** With the defaults that a cluster without Chaos Mesh's webhooks does not fill in. */
  spec: Record<string, unknown>;
  place: Located;
}

/** Kinds of faults that are over at once: a length makes no sense for them. */
const MOMENTARY = ['pod-kill', 'container-kill'];
/** What the kernel module sch_netem does. */
const NETEM = ['delay', 'loss'];

export const isMomentary = (file: ChaosFile): boolean => MOMENTARY.includes(file.effect.action);
export const needsNetem = (file: ChaosFile): boolean => NETEM.includes(file.effect.action);

/** Reads one Chaos Mesh object. Throws UsageError with file, line and field. */
export function readChaosFile(node: Located): ChaosFile {
  const kind = nearest(node, ['kind']);
  const title = typeof kind.value === 'string' ? kind.value : 'fault';
  if (kind.value === 'PodChaos') return readPodChaos(node, title);
  if (kind.value === 'NetworkChaos') return readNetworkChaos(node, title);
  if (kind.value === 'StressChaos') return readStressChaos(node, title);
  throw badInput(
    kind,
    title,
    'kind',
    'unknown here, since its effect could not be proven; use PodChaos, NetworkChaos or StressChaos',
  );
}

function readPodChaos(node: Located, title: string): ChaosFile {
  const { metadata, spec } = parseLocated(PodChaos, node, title);
  const { action } = spec;
  if (action === 'container-kill' && spec.containerNames === undefined)
    throw badInput(
      nearest(node, ['spec', 'action']),
      title,
      'spec.containerNames',
      'missing; name the containers',
    );
  if (action !== 'container-kill') refuse(node, title, 'containerNames', action);
  if (action !== 'pod-kill') refuse(node, title, 'gracePeriod', action);
  const effect: Effect =
    action === 'pod-kill'
      ? { action, graceSeconds: spec.gracePeriod ?? 0 }
      : action === 'container-kill'
        ? { action, containers: spec.containerNames ?? [] }
        : { action };
  return asFile('PodChaos', node, title, metadata.name, spec, effect);
}

function readNetworkChaos(node: Located, title: string): ChaosFile {
  const { metadata, spec } = parseLocated(NetworkChaos, node, title);
  const { action } = spec;
  // Without a target every packet is hit, those of probes and of DNS too: a different experiment (Chaos Mesh, networkchaos). Only a narrow
  // line lets them through; and one for a single target needs the kernel module sch_prio on the node, one for everything does not.
  if (spec.target === undefined && action !== 'bandwidth')
    throw badInput(
      nearest(node, ['spec', 'action']),
      title,
      'spec.target',
      `missing; without it everything is ${action === 'partition' ? 'cut' : 'hit'}, probes and DNS too; name the other end`,
    );
  if (spec.target === undefined && spec.direction !== 'to')
    throw badInput(
      nearest(node, ['spec', 'direction']),
      title,
      'spec.direction',
      `${spec.direction} needs spec.target; without one only what the pods send can be limited (to)`,
    );
  for (const field of ['delay', 'loss', 'bandwidth'] as const) {
    if (field !== action) refuse(node, title, field, action);
    else if (spec[field] === undefined)
      throw badInput(
        nearest(node, ['spec', 'action']),
        title,
        `spec.${field}`,
        `missing; the action ${action} needs it`,
      );
  }
  if (spec.target) checkValue(node, title, ['spec', 'target'], spec.target.mode, spec.target.value);
  const effect: Effect =
    action === 'delay'
      ? { action, latencyMs: parseDurationMs(spec.delay?.latency ?? '') ?? 0 }
      : action === 'loss'
        ? { action, share: Number(spec.loss?.loss) / 100 }
        : action === 'bandwidth'
          ? { action, bytesPerS: rateOf(spec.bandwidth?.rate ?? '') }
          : { action };
  if (effect.action === 'delay' && effect.latencyMs === 0)
    throw badInput(
      nearest(node, ['spec', 'delay', 'latency']),
      title,
      'spec.delay.latency',
      'is nothing; give more than 0',
    );
  if (effect.action === 'loss' && effect.share === 0)
    throw badInput(
      nearest(node, ['spec', 'loss', 'loss']),
      title,
      'spec.loss.loss',
      'is nothing; give more than 0',
    );
  return {
    ...asFile('NetworkChaos', node, title, metadata.name, spec, effect),
    target: spec.target && aimOf(spec.target),
    direction: spec.direction,
  };
}

function readStressChaos(node: Located, title: string): ChaosFile {
  const { metadata, spec } = parseLocated(StressChaos, node, title);
  const { cpu, memory } = spec.stressors;
  if ((cpu === undefined) === (memory === undefined))
    throw badInput(
      nearest(node, ['spec', 'stressors']),
      title,
      'spec.stressors',
      'give cpu or memory, one of the two: each has a proof of its own',
    );
  const container = spec.containerNames?.[0];
  const effect: Effect = cpu
    ? { action: 'stress-cpu', cores: (cpu.workers * cpu.load) / 100, container }
    : { action: 'stress-memory', bytes: bytesOf(memory?.size ?? ''), container };
  return asFile('StressChaos', node, title, metadata.name, spec, effect);
}

function asFile(
  kind: ChaosFile['kind'],
  node: Located,
  title: string,
  name: string,
  spec: z.infer<typeof Target> & { duration?: string | undefined },
  effect: Effect,
): ChaosFile {
  checkValue(node, title, ['spec'], spec.mode, spec.value);
  const lasts = !MOMENTARY.includes(effect.action);
  if (!lasts && spec.duration !== undefined) refuse(node, title, 'duration', effect.action);
  return {
    kind,
    name,
    aim: aimOf(spec),
    target: undefined,
    direction: 'to',
    effect,
    durationMs: spec.duration === undefined ? undefined : (parseDurationMs(spec.duration) ?? undefined),
    spec: { ...spec },
    place: node,
  };
}

function aimOf({ mode, value, selector }: z.infer<typeof Target>): Aim {
  const { namespaces = [], labelSelectors, expressionSelectors } = selector;
  return { mode, value, namespaces, labels: labelSelectors, oneOf: expressionSelectors };
}

/** A field that belongs to another action would be ignored in silence. */
function refuse(node: Located, title: string, field: string, action: string): void {
  const place = find(node, ['spec', field]);
  if (place !== undefined)
    throw badInput(place, title, `spec.${field}`, `has no meaning for ${action}; remove it`);
}

function checkValue(
  node: Located,
  title: string,
  at: readonly string[],
  mode: Aim['mode'],
  value: string | undefined,
): void {
  if (mode === 'one' || mode === 'all') return;
  const highest = mode === 'fixed' ? Number.MAX_SAFE_INTEGER : 100;
  if (value === undefined || !/^\d+$/.test(value) || Number(value) < 1 || Number(value) > highest)
    throw badInput(
      nearest(node, [...at, 'mode']),
      title,
      [...at, 'value'].join('.'),
      `mode ${mode} needs a whole number in quotes, at least 1${mode === 'fixed' ? '' : ' and at most 100'}`,
    );
}

/** Bytes per second; `bps` and its multiples are bytes, `bit` and its multiples are bits (tc(8)), thousands in both. */
function rateOf(text: string): number {
  const [, amount = '0', prefix = '', unit = 'bit'] = /^(\d+)([kmgt]?)(bit|bps)$/.exec(text) ?? [];
  const thousands = ['', 'k', 'm', 'g', 't'].indexOf(prefix);
  return (Number(amount) * 1_000 ** thousands) / (unit === 'bit' ? 8 : 1);
}

function bytesOf(text: string): number {
  const [, amount = '0', prefix = '', binary = ''] = /^(\d+)([KMGT]?)(i?)B$/.exec(text) ?? [];
  return Number(amount) * (binary === 'i' ? 1_024 : 1_000) ** ['', 'K', 'M', 'G', 'T'].indexOf(prefix);
}

/** A fault that lasts needs a length, from the scenario or its own `duration`; one that is over at once can have none. Throws UsageError. */
export function checkLength(chaos: ChaosFile, { name, forMs }: FaultUse): void {
  const { action } = chaos.effect;
  const place = `${chaos.place.file}:${chaos.place.line}`;
  if (isMomentary(chaos) && forMs !== undefined)
    throw new UsageError(
      `${place}: disturbance ${name}: ${action} is over at once and cannot last; remove forMs from the scenario`,
    );
  if (!isMomentary(chaos) && forMs === undefined && chaos.durationMs === undefined)
    throw new UsageError(
      `${place}: disturbance ${name}: nobody says how long this ${action} lasts; give forMs in the scenario or spec.duration here`,
    );
}
