/**
 * promtool, Prometheus' own tool for rule files: on PATH, in the cache, or built from tools/promtool, whose go.sum pins every source by
 * checksum to the version of Prometheus that make up runs.
 */
import path from 'node:path';
import { $, ProcessOutput } from 'zx';
import { UsageError } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';
import { ROOT } from '../record/root.ts';
import { cachedFile, type Engine, type Progress } from './engines/engine.ts';
import { findGo } from './engines/go-build.ts';
import { install } from './engines/install.ts';
import { isExecutable, onPath, usableVersion } from './engines/version.ts';

/** Half a minute on two cores; the sources have to come from a proxy first. */
const BUILD_LIMIT_MS = 10 * 60_000;
const SAID_LINES = 3;

const PROMTOOL: Engine = {
  name: 'promtool',
  version: '3.14.0',
  versionArgs: ['--version'],
  versionPattern: /^promtool, version (\d+\.\d+\.\d+)\b/,
  releases: {},
  goPackage: 'github.com/prometheus/prometheus/cmd/promtool',
  minGo: [1, 25],
  neededBy: ['rules --virtual'],
  installUrl: 'https://prometheus.io/download/',
};

/** Its path. Builds it once. Throws UsageError with the reason of every way that did not lead to it. */
export async function findPromtool(progress: Progress): Promise<string> {
  const reasons: string[] = [];
  for (const file of [...onPath(PROMTOOL.name), cachedFile(PROMTOOL)].filter(isExecutable)) {
    try {
      await usableVersion(PROMTOOL, file);
      return file;
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  try {
    return await build(progress);
  } catch (error) {
    progress.signal.throwIfAborted();
    reasons.push(reasonOf(error));
  }
  throw new UsageError(
    `promtool ${PROMTOOL.version} is needed and could not be had (${reasons.join('; ')}): install it (${PROMTOOL.installUrl}), or Go ${PROMTOOL.minGo.join('.')} or newer (https://go.dev/dl/), and start again`,
  );
}

async function build({ signal, onProgress }: Progress): Promise<string> {
  const { go } = await findGo(PROMTOOL);
  const { path: file } = await install(PROMTOOL, async (folder) => {
    onProgress(`building promtool ${PROMTOOL.version}, once (half a minute on two cores)`);
    const made = path.join(folder, PROMTOOL.name);
    // A build of a module has no version but the one it is given.
    const version = `-X github.com/prometheus/common/version.Version=${PROMTOOL.version}`;
    const args = ['-trimpath', '-buildvcs=false', `-ldflags=-s -w ${version}`, '-tags=remove_all_sd'];
    try {
      await $({
        quiet: true,
        signal,
        timeout: BUILD_LIMIT_MS,
        // A process group of its own: go starts compilers, and all of them must end with it.
        detached: true,
        cwd: path.join(ROOT, 'tools', 'promtool'),
        // What is here and what is pinned: no other Go is fetched, go.mod is not changed, no workspace of the user counts.
        env: {
          ...process.env,
          CGO_ENABLED: '0',
          GOTOOLCHAIN: 'local',
          GOFLAGS: '-mod=readonly',
          GOWORK: 'off',
        },
      })`${go} build ${args} -o ${made} ${PROMTOOL.goPackage}`;
    } catch (error) {
      if (!(error instanceof ProcessOutput)) throw error;
      const said = error.stderr.trim().split('\n').slice(-SAID_LINES).join(' | ');
      throw new Error(`go build ended with ${error.exitCode ?? error.signal}: ${said || 'it said nothing'}`, {
        cause: error,
      });
    }
    return made;
  });
  return file;
}
