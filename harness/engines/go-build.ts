/** Builds an engine from its go.mod below tools/, whose go.sum pins every source by checksum. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT } from '../../record/root.ts';
import type { Engine, Progress } from './engine.ts';
import { type Found, install } from './install.ts';
import { ask, onPath } from './version.ts';

/** A cold build of k6 takes about two minutes on two cores; sources have to come from a proxy first. */
const BUILD_LIMIT_MS = 20 * 60_000;
const PROGRESS_MS = 10_000;
const STDERR_LIMIT_CHARS = 16 * 1024;

/** The Go on PATH that is new enough. Throws with the reason. */
export async function findGo({ minGo: [major, minor] }: Engine): Promise<{ go: string; version: string }> {
  const [go] = onPath('go');
  if (go === undefined) throw new Error('there is no go on PATH');
  const found = /\bgo((\d+)\.(\d+)\S*)/.exec(await ask(go, ['version']));
  if (found === null) throw new Error(`${go} does not say its version`);
  const [, version = '', foundMajor, foundMinor] = found;
  if (Number(foundMajor) < major || (Number(foundMajor) === major && Number(foundMinor) < minor)) {
    throw new Error(`${go} is ${version}, and ${major}.${minor} or newer is needed`);
  }
  return { go, version };
}

/** Builds into the cache. Throws with the reason, which is the end of what the compiler said. */
export async function goBuild(engine: Engine, { signal, onProgress }: Progress): Promise<Found> {
  const { go, version } = await findGo(engine);
  return install(engine, async (folder) => {
    const startedMs = performance.now();
    const tell = () => {
      const elapsedS = Math.round((performance.now() - startedMs) / 1_000);
      onProgress(
        `building ${engine.name} ${engine.version} with go ${version}, once: ${elapsedS} s (about two minutes on two cores)`,
      );
    };
    tell();
    const ticking = setInterval(tell, PROGRESS_MS);
    const program = path.join(folder, engine.name);
    try {
      await runGo(go, engine, program, signal);
    } finally {
      clearInterval(ticking);
    }
    return program;
  });
}

/** In a process group of its own: go starts compilers, and all of them must end with it. */
function runGo(go: string, engine: Engine, program: string, signal: AbortSignal): Promise<void> {
  const { goModule, goPackage, goFlags = [], goVersionVariable, version } = engine;
  const stamp = goVersionVariable === undefined ? '' : ` -X ${goVersionVariable}=${version}`;
  const flags = ['-trimpath', '-buildvcs=false', `-ldflags=-s -w${stamp}`, ...goFlags];
  return new Promise((resolve, reject) => {
    const child = spawn(go, ['build', ...flags, '-o', program, goPackage], {
      cwd: path.join(ROOT, goModule),
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        CGO_ENABLED: '0',
        // What is here and what is pinned: no other Go is fetched, go.mod is not changed, no workspace of the user counts.
        GOTOOLCHAIN: 'local',
        GOFLAGS: '-mod=readonly',
        GOWORK: 'off',
      },
    });
    let said = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      said = (said + text).slice(-STDERR_LIMIT_CHARS);
    });
    const stop = AbortSignal.any([signal, AbortSignal.timeout(BUILD_LIMIT_MS)]);
    const kill = () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It ended in this moment.
      }
    };
    stop.addEventListener('abort', kill, { once: true });
    if (stop.aborted) kill();
    child.once('error', (error) => reject(new Error(`${go} could not be started: ${error.message}`)));
    child.once('close', (exitCode, exitSignal) => {
      stop.removeEventListener('abort', kill);
      if (exitCode === 0) return resolve();
      const how =
        stop.aborted && !signal.aborted
          ? `took longer than ${BUILD_LIMIT_MS / 60_000} min`
          : `ended with ${exitCode ?? exitSignal}`;
      reject(
        new Error(`go build ${how}: ${said.trim().split('\n').slice(-3).join(' | ') || 'it said nothing'}`),
      );
    });
  });
}
