import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../record/model.ts';
import { CannotRun } from '../platform.ts';
import { downKind } from './down.ts';
import { cachedKind, CONFIG, kubeconfigFile } from './layout.ts';
import { findKind, findRuntime } from './programs.ts';
import { startCluster, upKind } from './up.ts';

let folder: string;
let bin: string;
let calls: string;
const notes: string[] = [];
const options = (signal = new AbortController().signal) => ({
  signal,
  onProgress: (line: string) => notes.push(line),
  images: [] as string[],
});
const programs = () => ({ kind: path.join(bin, 'kind'), env: { KIND_EXPERIMENTAL_PROVIDER: 'docker' } });

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-up-'));
  bin = path.join(folder, 'bin');
  calls = path.join(folder, 'calls');
  mkdirSync(bin);
  notes.length = 0;
  vi.stubEnv('PATH', bin);
  vi.stubEnv('XDG_CACHE_HOME', path.join(folder, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A program on the only folder of PATH; what it was called with is remembered, one call a line. */
function program(name: string, body: string): void {
  const file = path.join(bin, name);
  writeFileSync(file, `#!/bin/bash\necho "${name} $*" >> ${calls}\n${body}\n`);
  chmodSync(file, 0o755);
}
const called = () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A kind that keeps its clusters in a file. */
function fakeKind(create = ': > "$kubeconfig"; echo proofload > clusters'): void {
  program(
    'kind',
    `cd ${folder}
    kubeconfig=${kubeconfigFile()}
    case "$1 $2" in
      "version ") echo "kind v0.32.7 go1.26 linux/amd64";;
      "get clusters") [ -f clusters ] && echo "$(<clusters)" || echo "No kind clusters found." >&2;;
      "create cluster") ${create};;
      "export kubeconfig") : > "$kubeconfig";;
      "delete cluster") : > clusters;;
    esac`,
  );
}

describe('the container runtime', () => {
  it('is missing: one line that names the way without', async () => {
    const failed: unknown = await upKind(options()).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(UsageError);
    expect(String(failed)).toMatch(/docker is not on PATH; podman is not on PATH.*make up ON=bare/);
    expect(String(failed)).not.toContain('\n');
  });

  it('is a client without a server: its own words, and nothing else was asked', async () => {
    program('docker', 'echo "Cannot connect to the Docker daemon" >&2; exit 1');
    fakeKind();
    await expect(upKind(options())).rejects.toThrow(
      /docker info ended with 1: Cannot connect to the Docker daemon; podman/,
    );
    await expect(downKind(options())).rejects.toThrow(UsageError);
    expect(called()).toEqual(['docker info', 'docker info']);
  });

  it('is podman where Docker does not answer', async () => {
    program('docker', 'exit 1');
    program('podman', '');
    await expect(findRuntime(options().signal)).resolves.toBe('podman');
  });
});

describe('kind', () => {
  it('is taken from PATH in the pinned minor version', async () => {
    fakeKind();
    await expect(findKind(options())).resolves.toBe(path.join(bin, 'kind'));
  });

  it('is not taken in another, nor built without go', async () => {
    program('kind', 'echo "kind v0.31.0 go1.25 linux/amd64"');
    await expect(findKind(options())).rejects.toThrow(
      /kind is 0\.31, and the node images belong to 0\.32; there is no go/,
    );
  });

  it('is built once, into the cache', async () => {
    program(
      'go',
      `case "$1" in
        version) echo "go version go1.26.1 linux/amd64";;
        build) while [ "$1" != -o ]; do shift; done
          printf '#!/bin/bash\\necho "kind v0.32.0"\\n' > "$2"; /bin/chmod +x "$2";;
      esac`,
    );
    await expect(findKind(options())).resolves.toBe(cachedKind());
    await expect(findKind(options())).resolves.toBe(cachedKind());
    expect(called().filter((line) => line.startsWith('go build'))).toHaveLength(1);
  });

  it('is not built by a go that is too old', async () => {
    program('go', 'echo "go version go1.22.0 linux/amd64"');
    await expect(findKind(options())).rejects.toThrow(/is too old/);
    expect(called()).toEqual(['go version']);
  });
});

describe('the cluster', () => {
  it('is created with its own kubeconfig, and the images go into its nodes', async () => {
    fakeKind();
    const image = path.join(folder, "a name; with 'all' $(of it).tar");
    writeFileSync(image, '');
    await expect(startCluster(programs(), { ...options(), images: [image] })).resolves.toBe(kubeconfigFile());
    expect(called()).toEqual([
      'kind get clusters',
      `kind create cluster --name proofload --config ${CONFIG} --kubeconfig ${kubeconfigFile()} --wait 5m`,
      `kind load image-archive ${image} --name proofload`,
    ]);
  });

  it('is used when it is there', async () => {
    fakeKind();
    writeFileSync(path.join(folder, 'clusters'), 'other\nproofload\n');
    await startCluster(programs(), options());
    expect(called()).toEqual([
      'kind get clusters',
      `kind export kubeconfig --name proofload --kubeconfig ${kubeconfigFile()}`,
    ]);
    expect(notes).toEqual(['the cluster proofload is there already']);
  });

  it('is removed when its creation fails', async () => {
    fakeKind('echo "failed to pull the image" >&2; exit 1');
    const failed: unknown = await startCluster(programs(), options()).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(CannotRun);
    expect(String(failed)).toMatch(/did not come up: .* ended with 1: failed to pull the image/);
    expect(called().at(-1)).toMatch(/^kind delete cluster --name proofload/);
  });

  it('is removed when its creation is interrupted', async () => {
    const pid = path.join(folder, 'pid');
    fakeKind(`echo $$ > ${pid}; /bin/sleep 600`);
    const stop = new AbortController();
    const starting = startCluster(programs(), options(stop.signal));
    await expect
      .poll(() => existsSync(pid) && readFileSync(pid, 'utf8').endsWith('\n'), { timeout: 5_000 })
      .toBe(true);
    stop.abort();
    await expect(starting).rejects.toThrow(/abort/);
    const stopped = Number(readFileSync(pid, 'utf8'));
    await expect.poll(() => isAlive(stopped)).toBe(false);
    expect(called().at(-1)).toMatch(/^kind delete cluster --name proofload/);
  });

  it('is not begun for an image archive that is not there', async () => {
    program('docker', '');
    fakeKind();
    await expect(upKind({ ...options(), images: [path.join(folder, 'none.tar')] })).rejects.toThrow(
      /none\.tar: no such image archive/,
    );
    expect(called()).toEqual([]);
  });

  it('goes down with its kubeconfig', async () => {
    program('docker', '');
    fakeKind();
    await startCluster(programs(), options());
    await downKind(options());
    expect(called().at(-1)).toBe(`kind delete cluster --name proofload --kubeconfig ${kubeconfigFile()}`);
    expect(existsSync(kubeconfigFile())).toBe(false);
  });
});
