/**
 * The local platform: rehearses a system's Kubernetes manifests with processes of this machine and a real PostgreSQL
 * server. No cluster, no containers, no root. What it cannot play it says (`unplayed` events).
 *
 * It is kinder than a cluster in three ways that no manifest shows: endpoints change within milliseconds instead of a second
 * or more, a container starts as fast as its process, and all replicas share one kernel, one clock and one disk.
 */
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import { builtFile, ROOT } from '../../record/root.ts';
import type { Platform } from '../platform.ts';
import { chooseTargets, readChaos } from './chaos.ts';
import type { ChaosFault } from './chaos.ts';
import { removeAll, startParts, startPods } from './deployed.ts';
import type { Deployed } from './deployed.ts';
import { linkFault, podKill, rolloutRestart } from './faults.ts';
import { badInput, nearest } from './located.ts';
import { readSystem, selects } from './system.ts';
import type { BuiltFile, LocalSystem } from './system.ts';
import { leftOut } from './unplayed.ts';
import type { Unplayed } from './unplayed.ts';

/** Where tests put their own programs and faults in place of the project's. */
export interface LocalPlaces {
  built: BuiltFile;
  chaosDir: string;
}

export function createLocalPlatform(
  { built, chaosDir }: LocalPlaces = { built: builtFile, chaosDir: path.join(ROOT, 'chaos') },
): Platform {
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
      for (const name of options.chaos ?? []) checkAim(readChaos(chaosDir, name), system);
      return system.workload;
    },

    async deploy(options) {
      const system = await readSystem(options.systemDir, options.overlay, built);
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(options.runId))
        throw new UsageError(`run id "${options.runId}": only letters, digits, dots, dashes and underscores`);
      deployed = {
        options,
        system,
        links: new Map(),
        told: new Set(),
        endpoints: Promise.resolve(),
        removing: false,
      };
      removed = undefined;
      for (const unplayed of system.unplayed) options.emit({ kind: 'unplayed', ...unplayed });
      await startParts(deployed, built);
      await startPods(deployed);
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
        signal: options.signal,
      };
      if (planned.fault === 'rollout-restart') return Promise.resolve(rolloutRestart(context));
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

    processGroups: () => ({
      pods: (deployed?.replicas?.pods ?? []).flatMap((pod) =>
        pod.process === undefined ? [] : [pod.process.pid],
      ),
      store: deployed?.store?.pids() ?? [],
      network: deployed?.network === undefined ? [] : [deployed.network.pid],
    }),

    storeEnv: () => {
      const { system, store } = current();
      return store === undefined ? {} : { [system.urlVariable]: store.url() };
    },

    secrets: () => ({ ...deployed?.system.secrets }),

    remove: () => (removed ??= deployed === undefined ? Promise.resolve() : removeAll(deployed)),
  };
}

/**
 * Does the fault aim at the pods, and from there at the store? Throws UsageError if not. The store is often not in the
 * manifests, and is the only other party here: labels that no workload carries are taken to mean it, and that is said.
 */
function checkAim(chaos: ChaosFault, system: LocalSystem): Unplayed[] {
  const selector = nearest(chaos.place, ['spec', 'selector', 'labelSelectors']);
  if (!selects(chaos.labels, system.labels))
    throw badInput(
      selector,
      chaos.title,
      'spec.selector',
      `selects no pod of ${system.workload.name}, whose labels are ${JSON.stringify(system.labels)}`,
    );
  if (chaos.kind === 'pod-kill') return [];
  const target = nearest(chaos.place, ['spec', 'target', 'selector', 'labelSelectors']);
  if (selects(chaos.targetLabels, system.labels))
    throw badInput(
      target,
      chaos.title,
      'spec.target',
      'selects the pods themselves; the local platform plays faults between the pods and their store',
    );
  if (system.otherLabels.some((labels) => selects(chaos.targetLabels, labels))) return [];
  return [
    leftOut(
      target,
      chaos.title,
      'spec.target.selector',
      'no workload of the manifests has these labels; taken to mean the store',
    ),
  ];
}
