/**
 * From the lines of a run's watch log to the traces of its HorizontalPodAutoscalers. What cannot be read is said, not guessed: an HPA whose
 * object is none has no trace, and one whose target or pods are not in the log is blind for them.
 */
import type { Event, Plan } from '../../record/model.ts';
import type { WatchLine } from '../../record/watch-log.ts';
import { blindStretches, clockOf, restartsOf } from './trace-events.ts';
import { readHpaLine, readTarget, type HpaLine, type TargetLine } from './trace-objects.ts';
import type { Clock } from './trace-fields.ts';
import { readPod, readSample } from './trace-pods.ts';
import type { HpaTrace, PodChange, SampleChange, ScaleChange, StatusWrite } from './trace.ts';
import type { HpaPod } from './types.ts';

/** What of a run is read. */
export interface ScalingRecord {
  watch: () => Iterable<WatchLine>;
  events: readonly Event[];
  plan: Pick<Plan, 'platform'>;
}

export interface HpaTraces {
  traces: HpaTrace[];
  /** HPAs that cannot be judged, each with why. */
  unreadable: string[];
}

/** One trace for each HPA object (by uid) of the log. */
export function readTraces(record: ScalingRecord): HpaTraces {
  const log = sorted(record.watch());
  const clock = clockOf(record.events);
  const traces: HpaTrace[] = [];
  const unreadable: string[] = [];
  for (const [, hpaLines] of log.hpas) {
    const [first] = hpaLines;
    if (!first) continue;
    const trace = traceOf(first.name, hpaLines, log, { record, clock });
    if (typeof trace === 'string') unreadable.push(`HorizontalPodAutoscaler ${first.name}: ${trace}`);
    else traces.push(trace);
  }
  return { traces, unreadable };
}

interface Log {
  hpas: Map<string, WatchLine[]>;
  /** Deployments and their like. */
  targets: WatchLine[];
  pods: WatchLine[];
  metrics: WatchLine[];
  leases: WatchLine[];
  fromMs: number;
  toMs: number;
}

function sorted(lines: Iterable<WatchLine>): Log {
  const log: Log = {
    hpas: new Map(),
    targets: [],
    pods: [],
    metrics: [],
    leases: [],
    fromMs: Number.POSITIVE_INFINITY,
    toMs: Number.NEGATIVE_INFINITY,
  };
  for (const line of lines) {
    log.fromMs = Math.min(log.fromMs, line.atMs);
    log.toMs = Math.max(log.toMs, line.atMs);
    if (line.kind === 'Pod') log.pods.push(line);
    else if (line.kind === 'PodMetrics') log.metrics.push(line);
    else if (line.kind === 'Lease') log.leases.push(line);
    else if (line.kind === 'Deployment' || line.kind === 'StatefulSet' || line.kind === 'ReplicaSet')
      log.targets.push(line);
    else if (line.kind === 'HorizontalPodAutoscaler') {
      const key = JSON.stringify([line.name, Reflect.get(Object(line.object['metadata']), 'uid')]);
      const found = log.hpas.get(key);
      if (found) found.push(line);
      else log.hpas.set(key, [line]);
    }
  }
  // Told in this order, unless somebody has touched the log.
  for (const list of [log.targets, log.pods, log.metrics, log.leases, ...log.hpas.values()])
    list.sort((a, b) => a.atMs - b.atMs);
  return log;
}

function traceOf(
  name: string,
  lines: readonly WatchLine[],
  log: Log,
  { record, clock }: { record: ScalingRecord; clock: Clock },
): HpaTrace | string {
  const read: (HpaLine & { atMs: number; type: string })[] = [];
  for (const line of lines) {
    const hpa = readHpaLine(line.object, clock);
    if (typeof hpa === 'string') return hpa;
    read.push({ ...hpa, atMs: line.atMs, type: line.type });
  }
  const [first] = read;
  if (!first) return 'it has no line in the watch log';
  const targets = log.targets.filter(
    (line) => line.kind === first.target.kind && line.name === first.target.name,
  );
  const scales = targets.flatMap((line): (TargetLine & { atMs: number })[] => {
    const target = line.type === 'DELETED' ? null : readTarget(line.object);
    return target ? [{ ...target, atMs: line.atMs }] : [];
  });
  const matches = scales[0]?.matches;
  const pods = matches ? podsOf(log.pods, matches, clock) : [];
  const unseen = matches
    ? pods.length === 0 && scales.some(({ statusReplicas }) => statusReplicas > 0)
      ? { what: ['pods' as const], why: 'no pod of its target is in the watch log' }
      : null
    : {
        what: ['pods' as const, 'target' as const],
        why: `${first.target.kind}/${first.target.name} is not in the watch log`,
      };
  const { restartsMs, restartsVisible } = restartsOf(log.leases, record.plan.platform, clock);
  return {
    name,
    target: first.target,
    before: first.synced ? { scaledAtMs: first.status.scaledAtMs } : null,
    writes: writesOf(read),
    edits: editsOf(read),
    pods,
    samples: matches ? samplesOf(log.metrics, matches, clock) : [],
    scales: scales.map(({ atMs: receivedMs, ...scale }): ScaleChange => ({
      receivedMs,
      revision: scale.revision,
      specReplicas: scale.specReplicas,
      statusReplicas: scale.statusReplicas,
      readyReplicas: scale.readyReplicas,
      owner: scale.owner,
    })),
    restartsMs,
    restartsVisible,
    blind: [
      ...blindStretches(record.events),
      ...(unseen?.what ?? []).map((what) => ({
        what,
        fromMs: log.fromMs,
        toMs: log.toMs,
        why: unseen?.why ?? '',
      })),
    ],
    fromMs: log.fromMs,
    toMs: read.find(({ type }) => type === 'DELETED')?.atMs ?? log.toMs,
  };
}

/** Lines whose status is another than before; the first one is of an earlier time, and the last of its deletion. */
function writesOf(lines: readonly (HpaLine & { atMs: number; type: string })[]): StatusWrite[] {
  const writes: StatusWrite[] = [];
  let before = lines[0]?.statusText;
  for (const { status, statusText, spec, revision, atMs, type } of lines) {
    if (statusText === before || type === 'DELETED') continue;
    before = statusText;
    writes.push({ ...status, spec, revision, receivedMs: atMs });
  }
  return writes;
}

function editsOf(lines: readonly (HpaLine & { atMs: number })[]): HpaTrace['edits'] {
  const edits: { receivedMs: number; what: string }[] = [];
  let before: HpaLine | undefined;
  for (const line of lines) {
    const { spec } = line;
    if (before) {
      const was = before.spec;
      const changed = (['min', 'max', 'metrics', 'behavior'] as const).filter(
        (field) => JSON.stringify(was[field]) !== JSON.stringify(spec[field]),
      );
      if (changed.length > 0) edits.push({ receivedMs: line.atMs, what: changed.join(', ') });
      // The same object for the same spec: whoever compares specs later need not look into them.
      else line.spec = was;
    }
    before = line;
  }
  return edits;
}

type Matches = (labels: Readonly<Record<string, string>>) => boolean;

function podsOf(lines: readonly WatchLine[], matches: Matches, clock: Clock): PodChange[] {
  const changes: PodChange[] = [];
  const known = new Map<string, string>();
  for (const { object, name, type, atMs } of lines) {
    const read = readPod(object, clock);
    if (!read || !matches(read.labels)) continue;
    const pod: HpaPod | null = type === 'DELETED' ? null : read.pod;
    const text = JSON.stringify(pod);
    if (known.get(name) === text) continue;
    known.set(name, text);
    changes.push({ receivedMs: atMs, revision: read.revision, name, pod });
  }
  return changes;
}

function samplesOf(lines: readonly WatchLine[], matches: Matches, clock: Clock): SampleChange[] {
  return lines.flatMap(({ object, name, type, atMs }): SampleChange[] => {
    const read = readSample(object, clock);
    if (!read || (read.labels && !matches(read.labels))) return [];
    return [{ receivedMs: atMs, pod: name, metrics: type === 'DELETED' ? null : read.metrics }];
  });
}
