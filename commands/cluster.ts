/** `proofload up` and `proofload down`: a cluster to test on, brought up and taken down whole. */
import { downBare } from '../platforms/bare/down.ts';
import { upBare } from '../platforms/bare/up.ts';
import { buildImages } from '../platforms/images/build.ts';
import { findEngine } from '../harness/engines.ts';
import { EXIT } from '../record/model.ts';

export type ClusterKind = 'bare' | 'kind';

/** Resolves with the exit code. Throws UsageError when this machine cannot carry it, with everything taken down again. */
export async function upCommand(kind: ClusterKind): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort());
  const options = { signal: stop.signal, onProgress: (line: string) => process.stderr.write(`${line}\n`) };
  // For load from inside the cluster.
  const { path: k6 } = await findEngine('k6', options);
  const images = (await buildImages('luminate', { ...options, k6 })).map(({ archive }) => archive);
  if (kind === 'kind') {
    const { upKind } = await import('../platforms/kind/up.ts');
    const { kubeconfig, context } = await upKind({ ...options, images });
    process.stdout.write(`context ${context} of ${kubeconfig}\n`);
    return EXIT.pass;
  }
  const { kubeconfig, context, version, lacks, tookMs } = await upBare({ ...options, images });
  for (const lack of lacks) process.stderr.write(`this machine: ${lack}\n`);
  process.stdout.write(
    `Kubernetes ${version}, two nodes${tookMs === 0 ? '' : `, up in ${(tookMs / 1_000).toFixed(1)} s`}: kubectl --kubeconfig ${kubeconfig} --context ${context} get nodes\n`,
  );
  return EXIT.pass;
}

export async function downCommand(kind: ClusterKind): Promise<number> {
  if (kind === 'kind') {
    const { downKind } = await import('../platforms/kind/down.ts');
    await downKind({
      signal: new AbortController().signal,
      onProgress: (line) => process.stderr.write(`${line}\n`),
    });
    return EXIT.pass;
  }
  await downBare();
  process.stdout.write('nothing of the bare cluster is left\n');
  return EXIT.pass;
}
