/** `proofload up` and `proofload down`: a cluster to test on, brought up and taken down whole. */
import { findEngine } from '../harness/engines.ts';
import { LEAST_METRIC_RESOLUTION_MS, type Pace } from '../platforms/bare/components.ts';
import { downBare } from '../platforms/bare/down.ts';
import { upBare } from '../platforms/bare/up.ts';
import { buildImages } from '../platforms/images/build.ts';
import { CannotRun } from '../platforms/platform.ts';
import { EXIT, UsageError } from '../record/model.ts';

export type ClusterKind = 'bare' | 'kind';

interface Progress {
  signal: AbortSignal;
  onProgress: (line: string) => void;
}

interface UpOptions {
  on: ClusterKind;
  /** Whose images the nodes get. */
  system: readonly string[];
  hpaSync?: number | undefined;
  hpaTolerance?: number | undefined;
  hpaDownscaleStabilization?: number | undefined;
  metricResolution?: number | undefined;
}

/** Resolves with the exit code: 3 when something did not come up, or Ctrl-C was pressed. Throws UsageError when this machine cannot carry it, or for options that do not go together. */
export function upCommand(options: UpOptions): Promise<number> {
  const pace = paceOf(options);
  const { system: systems } = options;
  return withProgress((progress) =>
    options.on === 'kind' ? upWithKind(progress, systems) : upWithoutDocker(progress, systems, pace),
  );
}

/** How fast the bare cluster's HPA decides. Throws UsageError. */
function paceOf(options: UpOptions): Pace {
  const { on, hpaSync, hpaTolerance, hpaDownscaleStabilization, metricResolution } = options;
  const pace: Pace = {
    ...(hpaSync !== undefined && { hpaSyncMs: hpaSync }),
    ...(hpaTolerance !== undefined && { hpaTolerance }),
    ...(hpaDownscaleStabilization !== undefined && {
      hpaDownscaleStabilizationMs: hpaDownscaleStabilization,
    }),
    ...(metricResolution !== undefined && { metricResolutionMs: metricResolution }),
  };
  if (on !== 'bare' && Object.keys(pace).length > 0)
    throw new UsageError(
      `the --hpa-... options and --metric-resolution are for --on bare; on ${on} the defaults of Kubernetes hold`,
    );
  if (metricResolution !== undefined && metricResolution < LEAST_METRIC_RESOLUTION_MS)
    throw new UsageError(
      `--metric-resolution: metrics-server takes at least ${LEAST_METRIC_RESOLUTION_MS / 1_000}s`,
    );
  return pace;
}

/** Resolves with the exit code. Throws UsageError when it could not begin. */
export function downCommand(kind: ClusterKind): Promise<number> {
  return withProgress(async (progress) => {
    if (kind === 'bare') {
      await downBare();
      return 'nothing of the bare cluster is left';
    }
    const { downKind } = await import('../platforms/kind/down.ts');
    await downKind(progress);
    return 'nothing of the kind cluster is left';
  });
}

async function upWithKind(progress: Progress, systems: readonly string[]): Promise<string> {
  // Before images are built: without a runtime they would be for nothing.
  const { findRuntime } = await import('../platforms/kind/programs.ts');
  await findRuntime(progress.signal);
  const { upKind } = await import('../platforms/kind/up.ts');
  const { kubeconfig, context } = await upKind({ ...progress, images: await imagesFor(progress, systems) });
  return `context ${context} of ${kubeconfig}`;
}

async function upWithoutDocker(progress: Progress, systems: readonly string[], pace: Pace): Promise<string> {
  const up = await upBare({
    ...progress,
    pace,
    images: ({ paths }) => imagesFor(progress, systems, paths['prometheus']),
  });
  for (const lack of up.lacks) progress.onProgress(`this machine: ${lack}`);
  const took = up.tookMs === 0 ? '' : `, up in ${(up.tookMs / 1_000).toFixed(1)} s`;
  return `Kubernetes ${up.version}, two nodes${took}: kubectl --kubeconfig ${up.kubeconfig} --context ${up.context} get nodes`;
}

/** Of the systems and their stores, k6 for load from inside the cluster, and a Prometheus where its image cannot come from a registry. */
async function imagesFor(
  progress: Progress,
  systems: readonly string[],
  prometheus?: string,
): Promise<string[]> {
  const { path: k6 } = await findEngine('k6', progress);
  const built = await buildImages(systems, {
    ...progress,
    k6,
    ...(prometheus !== undefined && { prometheus }),
  });
  return built.map(({ archive }) => archive);
}

async function withProgress(work: (progress: Progress) => Promise<string>): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort());
  const onProgress = (line: string) => process.stderr.write(`${line}\n`);
  try {
    process.stdout.write(`${await work({ signal: stop.signal, onProgress })}\n`);
    return EXIT.pass;
  } catch (error) {
    // What fails while acting is no bad input, and no crash either.
    if (!(error instanceof CannotRun) && !stop.signal.aborted) throw error;
    onProgress(
      stop.signal.aborted ? 'interrupted; what was begun is taken down again' : (error as Error).message,
    );
    return EXIT.invalid;
  }
}
