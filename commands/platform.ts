/** Where a run takes place: the words of the command line turned into a platform. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { bareCpuGroups } from '../platforms/bare/cpu.ts';
import { CONTEXT, KUBECONFIG, NODE_A } from '../platforms/bare/layout.ts';
import { runningState } from '../platforms/bare/state.ts';
import { PROMETHEUS_IMAGE } from '../platforms/images/own.ts';
import { CONTEXT as KIND_CONTEXT, kubeconfigFile } from '../platforms/kind/layout.ts';
import { checkAllowed, readSettings, type Settings } from '../platforms/kubernetes/allowed.ts';
import { hpaParameters } from '../platforms/kubernetes/controller.ts';
import { createKubernetesPlatform } from '../platforms/kubernetes/platform.ts';
import { createLocalPlatform } from '../platforms/local/platform.ts';
import type { Platform } from '../platforms/platform.ts';
import { UsageError } from '../record/model.ts';

export const PLACES = ['local', 'bare', 'kind', 'kubernetes'] as const;

export interface Place {
  on: (typeof PLACES)[number];
  kubeconfig?: string | undefined;
  context?: string | undefined;
  namespace?: string | undefined;
  attach?: true | undefined;
  loadUrl?: string | undefined;
}

export interface Placed {
  platform: Platform;
  /** Limits at which a run stops, from proofload.yaml; none on clusters that are only there for tests. */
  guards: Settings['guards'];
}

export interface SweptCluster {
  kubeconfig?: string;
  context?: string;
  /** Asked with what the kubeconfig leads to, before anything is looked at there. */
  allow: (target: { context: string; server: string }) => void;
}

/** The cluster that `heal --all --on` sweeps. Throws UsageError for words that do not go together. */
export function clusterOf({
  on,
  kubeconfig,
  context,
}: Pick<Place, 'on' | 'kubeconfig' | 'context'>): SweptCluster {
  if (on === 'kubernetes') {
    if (context === undefined)
      throw new UsageError(
        'a sweep of a whole cluster wants its name: --context <name>, as proofload.yaml allows it',
      );
    const settings = readSettings(path.resolve('.'));
    return {
      context,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      allow: (target) => checkAllowed(settings, target),
    };
  }
  if (kubeconfig !== undefined || context !== undefined)
    throw new UsageError(`--on ${on} knows its cluster; use --on kubernetes with --kubeconfig or --context`);
  if (on === 'bare') return { kubeconfig: KUBECONFIG, context: CONTEXT, allow: () => undefined };
  return { kubeconfig: kubeconfigFile(), context: KIND_CONTEXT, allow: () => undefined };
}

/** Throws UsageError for words that do not go together, and where there is no such cluster. */
export function placeOf(place: Place): Placed {
  const { on, namespace, attach = false, loadUrl } = place;
  if (on === 'local') {
    const given = Object.entries({
      kubeconfig: place.kubeconfig,
      context: place.context,
      namespace,
      attach: place.attach,
      'load-url': loadUrl,
    });
    const stray = given.find(([, value]) => value !== undefined)?.[0];
    if (stray !== undefined)
      throw new UsageError(`--${stray} needs a cluster; say which with --on bare, kind or kubernetes`);
    return { platform: createLocalPlatform(), guards: {} };
  }
  const common = {
    attach,
    ...(namespace === undefined ? {} : { namespace }),
    ...(loadUrl === undefined ? {} : { loadUrl }),
  };
  if (on === 'kubernetes') {
    const settings = readSettings(path.resolve('.'));
    const platform = createKubernetesPlatform({
      ...common,
      ...(place.kubeconfig === undefined ? {} : { kubeconfig: place.kubeconfig }),
      ...(place.context === undefined ? {} : { context: place.context }),
      allow: (target) => checkAllowed(settings, target),
    });
    return { platform, guards: settings.guards };
  }
  if (place.kubeconfig !== undefined || place.context !== undefined)
    throw new UsageError(`--on ${on} knows its cluster; use --on kubernetes with --kubeconfig or --context`);
  if (on === 'kind') {
    const kubeconfig = kubeconfigFile();
    if (!existsSync(kubeconfig))
      throw new UsageError('there is no kind cluster; bring one up: make up ON=kind');
    return {
      platform: createKubernetesPlatform({ ...common, kubeconfig, context: KIND_CONTEXT }),
      guards: {},
    };
  }
  const { lacks, components } = runningState();
  const platform = createKubernetesPlatform({
    ...common,
    kubeconfig: KUBECONFIG,
    context: CONTEXT,
    netem: lacks.netem === null ? 'present' : 'absent',
    controller: hpaParameters(components['kube-controller-manager']?.argv ?? []),
    // A run is inside node-a's network (platforms/bare/enter.ts).
    prometheus: { image: PROMETHEUS_IMAGE, ownAddress: NODE_A.address },
    processGroups: bareCpuGroups,
  });
  return { platform, guards: {} };
}
