/** What the kind cluster is called, and where everything of it is on this machine. */
import path from 'node:path';
import { cacheFolder, ROOT } from '../../record/root.ts';

/** Also `name` of kind-config.yaml. */
export const CLUSTER = 'proofload';
/** kind names the context after the cluster. */
export const CONTEXT = `kind-${CLUSTER}`;
export const CONFIG = path.join(ROOT, 'kind-config.yaml');
/** Module whose go.sum pins kind and everything it is built of. */
export const KIND_MODULE = path.join(ROOT, 'tools', 'kind');
/** The version of tools/kind/go.mod; the node images of kind-config.yaml belong to it. */
export const KIND_VERSION = '0.32.0';

export const ADDONS = path.join(ROOT, 'platforms', 'addons');

export function cachedKind(): string {
  const arch: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
  const platform = `${process.platform}-${arch[process.arch] ?? process.arch}`;
  return path.join(cacheFolder(), `kind-${KIND_VERSION}-${platform}`, 'kind');
}

/** A file of its own: the user's ~/.kube/config is neither read nor changed. */
export function kubeconfigFile(): string {
  return path.join(cacheFolder(), 'kind', 'kubeconfig');
}
