/** A root file system becomes an image archive (`docker save` format, which every runtime loads), by tar, umoci and skopeo, as any user. */
import path from 'node:path';
import { findProgram, runProgram } from './programs.ts';
import type { Recipe } from './rootfs.ts';

type Config = Pick<Recipe, 'name' | 'entrypoint' | 'env' | 'user' | 'stopSignal'>;

/** Everything belongs to root, whoever builds, and carries no time of its own. */
const TAR = ['--format=gnu', '--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];

/** Throws UsageError, naming the package, when a program that packs is missing. */
export function requirePackers(): void {
  for (const program of ['tar', 'umoci', 'skopeo']) findProgram(program);
}

/** Packs `folder`/rootfs into `folder`/image.tar and returns that file. Needs about three times the size of the root file system. */
export async function pack(folder: string, config: Config, signal: AbortSignal): Promise<string> {
  // Relative names: a colon in the cache's path would end the path in the image names of umoci and skopeo.
  const run = (program: string, ...args: string[]) =>
    runProgram(findProgram(program), args, { signal, cwd: folder });
  // Not `umoci insert`: up to 0.4.7 its layers lack the end of the archive, and tar refuses them (opencontainers/umoci#436).
  await run('tar', ...TAR, '-C', 'rootfs', '-cf', 'layer.tar', '.');
  await run('umoci', 'init', '--layout', 'layout');
  await run('umoci', 'new', '--image', 'layout:image');
  await run('umoci', 'raw', 'add-layer', '--image', 'layout:image', 'layer.tar');
  await run('umoci', 'config', '--image', 'layout:image', ...configArgs(config));
  // The policy is about signatures of what comes from elsewhere; this image was made here.
  const name = `docker-archive:image.tar:${config.name}`;
  await run('skopeo', 'copy', '--quiet', '--insecure-policy', 'oci:layout:image', name);
  return path.join(folder, 'image.tar');
}

/** A list is the same option once for each element. */
export function configArgs({ entrypoint, env, user, stopSignal }: Omit<Config, 'name'>): string[] {
  return [
    `--config.user=${user}:${user}`,
    ...entrypoint.map((word) => `--config.entrypoint=${word}`),
    ...Object.entries(env)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `--config.env=${name}=${value}`),
    ...(stopSignal === undefined ? [] : [`--config.stopsignal=${stopSignal}`]),
    '--config.workingdir=/',
  ];
}
