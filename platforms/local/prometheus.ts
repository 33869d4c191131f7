/**
 * A Prometheus as a process of this machine. What a cluster's service discovery knows of pods it reads from a file, which is written again
 * at every change: pods come and go, and each has a port of its own in place of its container's.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { request as get } from 'undici';
import { parse, stringify } from 'yaml';
import { reasonOf } from '../../record/reason.ts';
import { find } from '../manifests/located.ts';
import { CannotRun, type PrometheusRequest, type StartedPrometheus, type UndoJournal } from '../platform.ts';
import { prometheusVersion } from '../prometheus-version.ts';
import type { Pod } from './pod.ts';
import { freePort } from './ports.ts';
import { endsWithin, killAndWait, logTail, type RunningProcess, sleep, startProcess } from './process.ts';
import type { LocalSystem } from './system.ts';

const START_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;
const ASK_TIMEOUT_MS = 2_000;
const LOOK_EVERY_MS = 50;
/** Targets that ask for a port which their program does not have: nobody listens there, as nobody would in a cluster. */
const NOBODYS_PORT = 1;

export interface Target {
  address: string;
  path: string;
  labels: Record<string, string>;
}

export interface LocalPrometheus extends StartedPrometheus {
  pid: number;
  /** From now on these are scraped. */
  setTargets(targets: readonly Target[]): void;
}

export interface LaunchOptions {
  request: PrometheusRequest;
  targets: readonly Target[];
  runId: string;
  evidenceDir: string;
  undo: UndoJournal;
  signal: AbortSignal;
}

/** Resolves when it is ready. Rejects with CannotRun and the end of its log when it does not come up; nothing of it is left then. */
export async function launchPrometheus(options: LaunchOptions): Promise<LocalPrometheus> {
  const { request, runId, evidenceDir, undo } = options;
  const program = await request.binary();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = path.join(evidenceDir, 'prometheus.log');
  const folder = path.join(path.resolve(os.tmpdir()), `proofload-${runId}-prometheus`);
  const folderId = undo.intent({ kind: 'directory', path: folder });
  const removeFolder = () => {
    rmSync(folder, { recursive: true, force: true });
    undo.done(folderId);
  };
  let running: RunningProcess;
  try {
    mkdirSync(path.join(folder, 'rules'), { recursive: true });
    for (const [name, text] of Object.entries(request.rules))
      writeFileSync(path.join(folder, 'rules', path.basename(name)), text);
    writeFileSync(path.join(folder, 'prometheus.yml'), configOf(request));
    writeTargets(folder, options.targets);
    running = startProcess({
      what: 'prometheus',
      file: program,
      args: [
        `--config.file=${path.join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--storage.tsdb.retention.time=1d',
        // Else new targets wait for another 5 s behind those of the service discovery.
        '--scrape.discovery-reload-interval=1s',
        ...request.flags,
      ],
      env: { PATH: process.env['PATH'] ?? '' },
      runId,
      logFile,
      undo,
      cwd: folder,
    });
  } catch (error) {
    removeFolder();
    throw new CannotRun(`Prometheus cannot be started: ${reasonOf(error)}`, { cause: error });
  }
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    running.signal('SIGTERM');
    try {
      if (!(await endsWithin(running, STOP_WITHIN_MS))) await killAndWait(running, 'prometheus');
      removeFolder();
    } catch {
      // It is in the undo journal.
    }
  };
  const launched: LocalPrometheus = {
    pid: running.pid,
    url,
    notifies: true,
    version: '',
    ended: () =>
      running.gone() && stopping === undefined
        ? `Prometheus ended by itself; its log ends:\n${logTail(logFile)}`
        : null,
    setTargets: (targets) => {
      if (stopping === undefined) writeTargets(folder, targets);
    },
    stop: () => (stopping ??= stop()),
  };
  try {
    return { ...launched, version: await ready(url, running, logFile, options.signal) };
  } catch (error) {
    await launched.stop();
    if (error instanceof CannotRun) throw error;
    throw new CannotRun(`Prometheus does not say its version: ${reasonOf(error)}`, { cause: error });
  }
}

/** Its version, as soon as it takes questions. */
async function ready(
  url: string,
  running: RunningProcess,
  logFile: string,
  signal: AbortSignal,
): Promise<string> {
  const deadlineMs = performance.now() + START_WITHIN_MS;
  while (!(await answers(`${url}/-/ready`))) {
    if (running.gone())
      throw new CannotRun(`Prometheus ended at its start; its log ends:\n${logTail(logFile)}`);
    if (signal.aborted) throw new CannotRun('the run ended before Prometheus was ready');
    if (performance.now() > deadlineMs)
      throw new CannotRun(
        `Prometheus was not ready within ${START_WITHIN_MS / 1_000} s; its log ends:\n${logTail(logFile)}`,
      );
    await sleep(LOOK_EVERY_MS, signal);
  }
  return prometheusVersion(url, ASK_TIMEOUT_MS);
}

async function answers(url: string): Promise<boolean> {
  try {
    const { statusCode, body } = await get(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}

function configOf({ config, receiverUrl }: PrometheusRequest): string {
  const given: unknown = parse(config);
  if (typeof given !== 'object' || given === null) throw new Error('its configuration is no map');
  return stringify({
    ...given,
    alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(receiverUrl).host] }] }] },
    scrape_configs: [{ job_name: 'pods', file_sd_configs: [{ files: ['targets.json'] }] }],
  });
}

/** Renamed into place: a file that is half written would be read. */
function writeTargets(folder: string, targets: readonly Target[]): void {
  const groups = targets.map(({ address, path: metricsPath, labels }) => ({
    targets: [address],
    labels: { ...labels, __metrics_path__: metricsPath },
  }));
  const file = path.join(folder, 'targets.json');
  writeFileSync(`${file}.new`, JSON.stringify(groups));
  renameSync(`${file}.new`, file);
}

/** Pods that ask for it by their annotations, from the start of their first container to their end. */
export function podTargets(
  system: Pick<LocalSystem, 'deployment' | 'objects' | 'containerName' | 'labels'>,
  pods: readonly Pick<Pod, 'name' | 'port' | 'deleted'>[],
): Target[] {
  const { metadata, spec } = system.deployment;
  const object = system.objects.find(({ kind, name }) => kind === 'Deployment' && name === metadata.name);
  const annotation = (name: string) => {
    const at = ['spec', 'template', 'metadata', 'annotations', `prometheus.io/${name}`];
    const value = object && find(object.node, at)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  if (annotation('scrape') !== 'true') return [];
  const container = spec.template.spec.containers.find(({ name }) => name === system.containerName);
  const wanted = Number(annotation('port'));
  const isServed = container?.ports.some(({ containerPort }) => containerPort === wanted) === true;
  const { app } = system.labels;
  return pods
    .filter((pod) => pod.port !== 0 && !pod.deleted)
    .map((pod) => ({
      address: `127.0.0.1:${isServed ? pod.port : NOBODYS_PORT}`,
      path: annotation('path') ?? '/metrics',
      labels: { namespace: metadata.namespace, pod: pod.name, ...(app !== undefined && { app }) },
    }));
}
