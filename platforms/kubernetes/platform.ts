/**
 * The kubernetes platform: deploys a system's manifests to any cluster through its API, watches what becomes of them, and breaks them
 * there. With `attach` it deploys nothing and tests what runs (attach.ts: where settings and secrets come from then).
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { PlannedFault } from '../../record/model.ts';
import { UsageError } from '../../record/model.ts';
import { builtFile, ROOT } from '../../record/root.ts';
import type { BuiltFile } from '../manifests/contract.ts';
import { badInput, readYaml, shownPath } from '../manifests/located.ts';
import type { Located } from '../manifests/located.ts';
import type { CpuGroups, FaultUse, Platform } from '../platform.ts';
import { attachTo, passwordOf } from './attach.ts';
import type { connectCluster } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { HpaParameters } from './controller.ts';
import { dial as tcpDial } from './dial.ts';
import type { Dial } from './dial.ts';
import { checkFault, prepareFault } from './faults.ts';
import { previewRun } from './preview.ts';
import { startPrometheus } from './prometheus.ts';
import { prometheusObjects, prometheusRights, RELEASED_IMAGE } from './prometheus-objects.ts';
import {
  checkChaosServed,
  checkClusterScoped,
  checkNamespaceFree,
  checkScalable,
  wantedRights,
} from './requirements.ts';
import { moveChaos, toKubeObject } from './rewrite.ts';
import { missingRights, rightsError } from './rights.ts';
import { startRunners } from './runners.ts';
import { runnerRights } from './runners/rights.ts';
import { checkTestRunServed } from './runners/testrun.ts';
import { plannedScaleBackMs, readScaling } from './scaling.ts';
import { startDeployment } from './running.ts';
import type { Running } from './running.ts';
import { readClusterSystem } from './system.ts';
import type { ClusterSystem } from './system.ts';

export interface KubernetesOptions {
  kubeconfig?: string;
  context?: string;
  /** Instead of the manifests' own. */
  namespace?: string;
  /** Test what runs there; deploy nothing. */
  attach: boolean;
  /** Where the load goes, when no address of the Service can be reached from here. */
  loadUrl?: string;
  /** Asked before anything in the cluster is looked at closer; throws UsageError when this run may change nothing there. */
  allow?: (target: { context: string; server: string; namespace: string }) => void;
  /** Whether its nodes have the kernel module sch_netem, where that is known: without it delays and losses are left out. */
  netem?: 'present' | 'absent';
  /** What the HPA's controller was started with, as far as the place knows and the cluster does not show. */
  controller?: Partial<HpaParameters>;
  /** For nodes that can reach no registry: the image of Prometheus that was put on them, and this process's own address in the pods' network. */
  prometheus?: { image: string; ownAddress?: string };
  /** What belongs to a cluster on this machine, for CPU accounting. */
  processGroups?: () => CpuGroups;
  connect?: typeof connectCluster;
  /** For tests: where built programs and chaos files are, and how connections are tried. */
  places?: { built: BuiltFile; chaosDir: string; dial: Dial };
}

/** A sandbox, a container and a process: a second on an idle node (measured); more under load. */
const CONTAINER_START_MS = 4_000;

/** Chaos Mesh needs 1.7 to 2.7 s until all its rules are there, and about as long to take them away (measured). */
const FAULT_LAG_MS = 3_000;

/** Of `proofload up`; the tag is k6's major version (docs/images.md). */
export const RUNNER_IMAGE = 'docker.io/library/proofload-runner:2';

interface Known {
  cluster: Cluster;
  system: ClusterSystem;
  /** Chaos objects in the run's namespace, by file. */
  chaos: Map<string, Located>;
  /** Was told of runners. */
  inside: boolean;
  /** Was told of a Prometheus. */
  watched: boolean;
}

export function createKubernetesPlatform(options: KubernetesOptions): Platform {
  const { built, chaosDir, dial } = options.places ?? {
    built: builtFile,
    chaosDir: path.join(ROOT, 'chaos'),
    dial: tcpDial,
  };
  const { image = RELEASED_IMAGE, ownAddress } = options.prometheus ?? {};
  let known: Known | undefined;
  let running: Running | undefined;
  let removed: Promise<void> | undefined;
  // Watches tell their gaps on the run's clock, which begins after the cluster was asked for the first time.
  let clock = () => performance.now();

  const current = (): Running => {
    if (running === undefined) throw new Error('the kubernetes platform has nothing deployed');
    return running;
  };
  const prepared = (): Known => {
    if (known === undefined) throw new Error('the kubernetes platform was not prepared');
    return known;
  };
  const nodeOf = (fault: PlannedFault['fault']) =>
    typeof fault === 'object' && 'chaos' in fault ? prepared().chaos.get(fault.chaos) : undefined;

  const connect = async (): Promise<Cluster> => {
    // The client library is large: who works without a cluster does not load it.
    const open = options.connect ?? (await import('./client.ts')).connectCluster;
    return open({
      nowMs: () => clock(),
      ...(options.kubeconfig !== undefined && { kubeconfig: options.kubeconfig }),
      ...(options.context !== undefined && { context: options.context }),
    });
  };

  return {
    name: 'kubernetes',

    async prepare({ systemDir, overlay, faults, runners, prometheus = false }) {
      const raw = new Map(chaosFilesOf(faults).map((name) => [name, readChaosNode(chaosDir, name)]));
      const durationsMs: Record<string, number> = {};
      const notRuns: Record<string, string> = {};
      for (const use of faults) {
        // What runs there stays, and with it the time-stamp in its pods' template.
        if (options.attach && use.fault === 'rollout-restart')
          throw new UsageError(
            `disturbance ${use.name}: a rolling restart cannot be taken back; leave it out to test a system that stays (--attach)`,
          );
        const node =
          typeof use.fault === 'object' && 'chaos' in use.fault ? raw.get(use.fault.chaos) : undefined;
        const { durationMs, notRun } = checkFault(use, node, { netem: options.netem ?? 'unknown' });
        if (notRun !== undefined) notRuns[use.name] = notRun;
        if (durationMs !== undefined) durationsMs[use.name] = durationMs;
      }
      const cluster = await connect();
      try {
        const served = await cluster.deletableKinds();
        const planned = await readClusterSystem(
          { systemDir, overlay, namespace: options.namespace, built },
          served,
        );
        const { namespace, manifestNamespace } = planned;
        options.allow?.({ context: cluster.context, server: cluster.server, namespace });
        const move = { from: manifestNamespace, to: namespace };
        const chaos = new Map([...raw].map(([name, node]) => [name, moveChaos(node, move)]));
        const files = faults.map((use) => ({
          use,
          node:
            typeof use.fault === 'object' && 'chaos' in use.fault ? chaos.get(use.fault.chaos) : undefined,
        }));
        const { attach } = options;
        if (runners?.kind === 'testrun') await checkTestRunServed(cluster);
        const wanted = [
          ...wantedRights({ namespace, objects: planned.objects, served, faults: files, attach }),
          ...(runners === undefined ? [] : runnerRights(namespace, runners.kind)),
          ...(prometheus ? prometheusRights(namespace) : []),
        ];
        const missing = await missingRights(cluster, wanted);
        if (missing.length > 0) throw rightsError(missing, cluster.context);
        if (!attach) {
          await checkNamespaceFree(cluster, namespace);
          await checkClusterScoped(cluster, planned.objects, served);
        }
        await checkChaosServed(cluster, files);
        await checkScalable(cluster, planned.objects, faults);
        const system = attach ? await attachTo(cluster, planned, process.env) : planned;
        const objects = system.objects.map(toKubeObject);
        const scaleBackMs = plannedScaleBackMs(objects, system.workload.name, options.controller ?? {});
        known?.cluster.close();
        known = { cluster, system, chaos, inside: runners !== undefined, watched: prometheus };
        return {
          workload: system.workload,
          durationsMs,
          notRun: notRuns,
          startMs: CONTAINER_START_MS,
          faultLagMs: FAULT_LAG_MS,
          ...(scaleBackMs !== null && { scaleBackMs }),
        };
      } catch (error) {
        cluster.close();
        throw error;
      }
    },

    async preview(faults, of) {
      const { cluster, system, watched } = prepared();
      const { attach } = options;
      return previewRun({
        cluster,
        system,
        attach,
        of,
        // What its ConfigMap will hold is not known before the run.
        beside: watched
          ? prometheusObjects(
              { config: '', rules: {}, flags: [] },
              { namespace: system.namespace, runId: 'preview', image, alertmanager: undefined },
            )
          : [],
        faults: faults.map((planned) => ({ planned, node: nodeOf(planned.fault) })),
      });
    },

    async deploy(deployOptions) {
      const { cluster, system, inside } = prepared();
      clock = deployOptions.nowMs;
      removed = undefined;
      const { attach, loadUrl, controller } = options;
      running = startDeployment({
        cluster,
        system,
        attach,
        loadUrl,
        inside,
        dial,
        controller,
        options: deployOptions,
      });
      await running.up;
    },

    loadUrl: () => current().loadUrl(),
    async startRunners(request) {
      const { cluster, namespace, runId, emit, nowMs, signal } = current().deployed();
      return startRunners({
        ...request,
        image: RUNNER_IMAGE,
        cluster,
        namespace,
        runId,
        emit,
        nowMs,
        signal,
      });
    },
    startPrometheus: async (request) =>
      startPrometheus({ request, deployed: current().deployed(), image, ownAddress }),
    pods: () => running?.pods() ?? [],
    fault: (planned, random) => prepareFault(current().deployed(), planned, nodeOf(planned.fault), random),
    scaling: () => readScaling(current().deployed()),
    processGroups: () => options.processGroups?.() ?? {},
    storeEnv: () => current().storeEnv(),
    secrets: () => ({ ...known?.system.secrets }),
    sensitive() {
      const { sensitive = [], storeUrls = {} } = known?.system ?? {};
      return [...sensitive, ...Object.values(storeUrls).flatMap(passwordOf)];
    },
    remove: () =>
      (removed ??= (running?.remove() ?? Promise.resolve()).finally(() => known?.cluster.close())),
  };
}

function chaosFilesOf(faults: readonly FaultUse[]): string[] {
  const names = faults.flatMap(({ fault }) =>
    typeof fault === 'object' && 'chaos' in fault ? [fault.chaos] : [],
  );
  return [...new Set(names)];
}

/** The one object of `<folder>/<name>.yaml`. Throws UsageError. */
function readChaosNode(folder: string, name: string): Located {
  const file = path.join(folder, `${name}.yaml`);
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name) || !existsSync(file)) {
    const there = existsSync(folder) ? readdirSync(folder).filter((entry) => entry.endsWith('.yaml')) : [];
    const names = there.map((entry) => entry.slice(0, -'.yaml'.length)).join(', ');
    throw new UsageError(`${shownPath(file)}: no such fault; there is: ${names || 'none'}`);
  }
  const [node, second] = readYaml(file);
  if (node === undefined)
    throw new UsageError(`${shownPath(file)}: empty; one Chaos Mesh object is expected`);
  if (second !== undefined)
    throw badInput(second, 'fault', '', 'a second object; one Chaos Mesh object per file');
  return node;
}
