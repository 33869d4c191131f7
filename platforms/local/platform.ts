/**
 * The local platform: rehearses a system's Kubernetes manifests with processes of this machine and a real PostgreSQL
 * server. No cluster, no containers, no root. What it cannot play it says (`unplayed` events).
 *
 * It is kinder than a cluster in three ways that no manifest shows: endpoints change within milliseconds instead of a second
 * or more (unless the Service's annotation proofload.dev/endpoints-lag-ms lets the news travel for longer), a container starts as fast as its process, and all replicas share one kernel, one clock and one disk.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { scaledBackMs } from '../../analysis/hpa/bounds.ts';
import { UsageError } from '../../record/model.ts';
import { builtFile, ROOT } from '../../record/root.ts';
import type { BuiltFile } from '../manifests/contract.ts';
import { manifestsAsPlayed } from '../manifests/played.ts';
import { chooseTargets } from '../manifests/targets.ts';
import type { DeployOptions, FaultUse, Platform } from '../platform.ts';
import { abortError } from './aborted.ts';
import { checkAim, checkLength } from './aim.ts';
import { parametersOf } from './autoscale/autoscaler.ts';
import { findAutoscaler } from './autoscale/manifest.ts';
import type { AutoscalerManifest } from './autoscale/manifest.ts';
import { readChaos } from './chaos.ts';
import { removeAll, startParts, startPods, startPrometheus } from './deployed.ts';
import type { Deployed } from './deployed.ts';
import { linkFault } from './faults/link.ts';
import { podKill } from './faults/pod-kill.ts';
import { rolloutRestart } from './faults/rollout-restart.ts';
import { readSystem } from './system.ts';
import type { LocalSystem } from './system.ts';

/** Starting a process and opening its listener. */
const START_MS = 1_500;

/** A slot is what an idle machine needs for a fault and its end; waiting longer makes the proof whole. */
const PATIENCE = 3;

/** Where tests put their own programs and faults in place of the project's. */
export interface LocalPlaces {
  built: BuiltFile;
  chaosDir: string;
}

export function createLocalPlatform(
  { built, chaosDir }: LocalPlaces = { built: builtFile, chaosDir: path.join(ROOT, 'chaos') },
): Platform {
  let known: LocalSystem | undefined;
  let deployed: Deployed | undefined;
  let removed: Promise<void> | undefined;

  const current = (): Deployed => {
    if (deployed === undefined) throw new Error('the local platform has nothing deployed');
    return deployed;
  };

  return {
    name: 'local',

    async prepare(options) {
      const system = await readSystem(options.systemDir, options.overlay, built);
      known = system;
      const autoscaler = autoscalerOf(system, options.autoscale);
      const durationsMs: Record<string, number> = {};
      const notRun: Record<string, string> = {};
      for (const use of options.faults) {
        const why = beyondProcesses(use.fault, autoscaler !== null);
        if (why !== null) notRun[use.name] = why;
        if (typeof use.fault !== 'object' || !('chaos' in use.fault)) continue;
        const chaos = readChaos(chaosDir, use.fault.chaos);
        checkAim(chaos, system);
        checkLength(chaos, use);
        if (chaos.durationMs !== undefined) durationsMs[use.name] = chaos.durationMs;
      }
      return {
        workload: system.workload,
        durationsMs,
        notRun,
        startMs: START_MS,
        faultLagMs: 0,
        ...(autoscaler && options.autoscale && { scaleBackMs: scaleBackMs(autoscaler, options.autoscale) }),
      };
    },

    async deploy(options) {
      const system = await readSystem(options.systemDir, options.overlay, built);
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(options.runId))
        throw new UsageError(`run id "${options.runId}": only letters, digits, dots, dashes and underscores`);
      if (options.signal.aborted) throw abortError('deploy');
      const autoscaler = autoscalerOf(system, options.autoscale);
      known = system;
      deployed = {
        options,
        system,
        links: new Map(),
        told: new Set(),
        endpoints: Promise.resolve(),
        removing: false,
      };
      removed = undefined;
      const left = [
        ...system.unplayed.filter(({ object }) => object !== autoscaler?.object.title),
        ...(autoscaler?.unplayed ?? []),
      ];
      for (const unplayed of left) options.emit({ kind: 'unplayed', ...unplayed });
      saveManifests(system, options);
      try {
        await startParts(deployed, built);
        await startPods(deployed, autoscaler);
      } catch (error) {
        throw options.signal.aborted ? abortError('deploy', error) : error;
      }
    },

    loadUrl: () => `http://127.0.0.1:${current().network?.servicePort ?? 0}`,

    pods: () =>
      (deployed?.replicas?.pods ?? [])
        .filter((pod) => pod.port !== 0)
        .map(({ name, uid, ready, terminating, port }) => ({
          name,
          uid,
          ready,
          terminating,
          url: `http://127.0.0.1:${port}`,
        })),

    fault: (planned, random) => {
      const { options, system, replicas, network, store, links, told } = current();
      if (replicas === undefined || network === undefined || store === undefined)
        return Promise.reject(new Error('the system is not running'));
      const context = {
        replicas,
        network,
        storePort: store.port,
        linkPort: (uid: string) => links.get(uid),
        recoversWithinMs: planned.slotMs * PATIENCE,
        signal: options.signal,
      };
      if (planned.fault === 'rollout-restart') return Promise.resolve(rolloutRestart(context));
      if (typeof planned.fault === 'string' || !('chaos' in planned.fault))
        return Promise.reject(new Error(beyondProcesses(planned.fault, true) ?? 'unknown fault'));
      const chaos = readChaos(chaosDir, planned.fault.chaos);
      const left = [...chaos.unplayed, ...checkAim(chaos, system)];
      if (!told.has(chaos.title))
        for (const unplayed of left) options.emit({ kind: 'unplayed', ...unplayed });
      told.add(chaos.title);
      const candidates = replicas.pods.filter((pod) => !pod.terminating && pod.process !== undefined);
      const targets = chooseTargets(chaos, candidates, random);
      if (targets.length === 0) return Promise.reject(new Error(`${chaos.title}: no running pod to aim at`));
      return Promise.resolve(
        chaos.kind === 'pod-kill' ? podKill(context, targets) : linkFault(context, chaos, targets),
      );
    },

    scaling: () => Promise.resolve(deployed?.autoscaler?.scaling() ?? null),

    startPrometheus: (request) => startPrometheus(current(), request),

    processGroups: () => ({
      pods: (deployed?.replicas?.pods ?? []).flatMap((pod) =>
        pod.process === undefined ? [] : [pod.process.pid],
      ),
      store: deployed?.store?.pids() ?? [],
      network: deployed?.network === undefined ? [] : [deployed.network.pid],
      ...(deployed?.prometheus && { prometheus: [deployed.prometheus.pid] }),
    }),

    storeEnv: () => {
      const { system, store } = current();
      return store === undefined ? {} : { [system.urlVariable]: store.url() };
    },

    secrets: () => ({ ...deployed?.system.secrets }),

    sensitive: () => [...(known?.sensitive ?? []), ...(deployed?.store ? [deployed.store.password] : [])],

    remove: () => (removed ??= deployed === undefined ? Promise.resolve() : removeAll(deployed)),
  };
}

/** The HPA to play, null where none is asked for. Throws UsageError when there is none to play. */
function autoscalerOf(system: LocalSystem, autoscale: DeployOptions['autoscale']): AutoscalerManifest | null {
  if (autoscale === undefined) return null;
  const { name } = system.deployment.metadata;
  const found = findAutoscaler(system.objects, name, system.containerName);
  if (found === null)
    throw new UsageError(
      `the scenario's autoscale: no HorizontalPodAutoscaler of the manifests scales Deployment ${name}; add one, or leave autoscale out`,
    );
  return found;
}

function scaleBackMs(
  { spec }: AutoscalerManifest,
  autoscale: NonNullable<DeployOptions['autoscale']>,
): number {
  // Without any load the steps are the same whatever a pod asks for.
  return scaledBackMs({ spec, requestMilli: 1 }, parametersOf(autoscale), autoscale.metricsPeriodMs);
}

/** Why a fault needs a cluster, or null. */
function beyondProcesses(fault: FaultUse['fault'], scales: boolean): string | null {
  if (fault === 'drain') return 'local processes have no nodes to drain; use --on bare, kind or kubernetes';
  if (typeof fault === 'object' && 'scaleTo' in fault)
    return 'the local platform keeps its replicas; use --on bare, kind or kubernetes';
  if (typeof fault === 'object' && 'surge' in fault && !scales)
    return 'the local platform plays the HPA only where the scenario has `autoscale`; use --on bare, kind or kubernetes';
  return null;
}

function saveManifests(system: LocalSystem, { evidenceDir, emit }: DeployOptions): void {
  writeFileSync(
    path.join(evidenceDir, 'manifests.yaml'),
    manifestsAsPlayed(system.objects, system.sensitive),
  );
  emit({
    kind: 'evidence',
    id: 'manifests',
    file: 'evidence/manifests.yaml',
    what: 'the manifests as played, with the overlay, without what Secrets hold',
  });
}
