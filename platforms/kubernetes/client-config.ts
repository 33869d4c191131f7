/**
 * Which cluster, and with which credentials: the kubeconfig found and merged as kubectl does it
 * (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/): the option, else the files of
 * KUBECONFIG, else ~/.kube/config, else the service account of the pod this runs in.
 */
import { existsSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { UsageError } from '../../record/model.ts';

/** A kubeconfig is a page of text, also with a hundred clusters in it. */
const MAX_BYTES = 1_000_000;

export interface Credentials {
  config: KubeConfig;
  context: string;
  server: string;
  /** Absolute paths joined as in KUBECONFIG; undefined = the service account of a pod. */
  kubeconfig: string | undefined;
}

/**
 * Throws UsageError of one line with the known contexts and the way out. Reads files only; no name is looked up and
 * nothing is sent. `env` is the process's environment.
 */
export function findCredentials(
  options: { kubeconfig?: string; context?: string },
  env: Readonly<Record<string, string | undefined>>,
): Credentials {
  const files = kubeconfigFiles(options.kubeconfig, env);
  const config = new KubeConfig();
  if (files.length > 0) mergeFiles(config, files);
  else if (env['KUBERNETES_SERVICE_HOST'] !== undefined) config.loadFromCluster();
  else
    throw new UsageError(
      'no kubeconfig: --kubeconfig and KUBECONFIG name none, and there is no ~/.kube/config; bring a cluster up, or name its file with --kubeconfig',
    );
  const from = files.length > 0 ? files.join(path.delimiter) : 'the service account of this pod';
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const context = config.getCurrentContext();
  const known = config.getContexts().map(({ name }) => name);
  const contexts = known.length === 0 ? 'it has no contexts' : `it has ${known.join(', ')}`;
  if (!context) throw new UsageError(`${from}: no current context (${contexts}); choose one with --context`);
  if (!known.includes(context))
    throw new UsageError(`${from}: no context ${context} (${contexts}); choose one of them with --context`);
  const cluster = config.getCurrentCluster();
  if (cluster === null || config.getCurrentUser() === null)
    throw new UsageError(
      `${from}: context ${context} names a cluster or a user that is not there; correct the file`,
    );
  if (!URL.canParse(cluster.server))
    throw new UsageError(
      `${from}: context ${context}: server ${cluster.server} is not a URL; correct the file`,
    );
  if (cluster.server.startsWith('http:') && !cluster.skipTLSVerify)
    throw new UsageError(
      `${from}: context ${context}: ${cluster.server} is not encrypted; use https, or add insecure-skip-tls-verify: true to its cluster`,
    );
  return {
    config,
    context,
    server: cluster.server,
    kubeconfig: files.length > 0 ? files.join(path.delimiter) : undefined,
  };
}

/** Absolute paths. Of KUBECONFIG's files some may be missing; what an option names must be there. */
function kubeconfigFiles(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const absolute = (file: string) => path.resolve(file);
  const split = (list: string) => list.split(path.delimiter).filter((file) => file !== '');
  if (option !== undefined) return (existsSync(option) ? [option] : split(option)).map(absolute);
  const named = split(env['KUBECONFIG'] ?? '').map(absolute);
  if (named.length > 0) {
    const there = named.filter((file) => existsSync(file));
    if (there.length === 0)
      throw new UsageError(
        `KUBECONFIG=${named.join(path.delimiter)}: no such file; correct it, or use --kubeconfig`,
      );
    return there;
  }
  const own = path.join(env['HOME'] ?? os.homedir(), '.kube', 'config');
  return existsSync(own) ? [own] : [];
}

/** The first file that has a name wins, as with kubectl; the client library lets the last win and refuses a name that comes twice. */
function mergeFiles(config: KubeConfig, files: readonly string[]): void {
  for (const file of files) {
    const one = readFile(file);
    const isNew = (list: { name: string }[]) => (entry: { name: string }) =>
      !list.some(({ name }) => name === entry.name);
    const current = config.getCurrentContext() || one.getCurrentContext();
    config.loadFromOptions({
      clusters: [...config.getClusters(), ...one.getClusters().filter(isNew(config.getClusters()))],
      users: [...config.getUsers(), ...one.getUsers().filter(isNew(config.getUsers()))],
      contexts: [...config.getContexts(), ...one.getContexts().filter(isNew(config.getContexts()))],
      currentContext: current,
    });
  }
}

function readFile(file: string): KubeConfig {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile())
    throw new UsageError(`${file}: no such kubeconfig; correct --kubeconfig or KUBECONFIG`);
  if (stat.size > MAX_BYTES)
    throw new UsageError(`${file}: larger than ${MAX_BYTES} bytes; this is not a kubeconfig`);
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (error) {
    // The first line only: a YAML error goes on with an excerpt, and what is in this file is secret.
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new UsageError(`${file}: not a kubeconfig: ${why}; correct the file`, { cause: undefined });
  }
  return config;
}
