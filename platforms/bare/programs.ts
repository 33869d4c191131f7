/**
 * The programs of the bare cluster, built from pinned Go modules (tools/<module>/go.mod and go.sum) into the user's cache. Each is kept
 * under a key of everything it is made from, so a build that was interrupted goes on where it stopped, and nothing is built twice.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { $ } from 'zx';
import { UsageError } from '../../record/model.ts';
import { cacheFolder, ROOT } from '../../record/root.ts';
import { keep } from '../kept.ts';

/** Go lines of the modules: metrics-server asks for the newest. */
const LEAST_GO: [major: number, minor: number, patch: number] = [1, 26, 4];
/** The slowest from empty caches took 5 minutes on two cores. */
const BUILD_LIMIT_MS = 20 * 60_000;
const STDERR_LIMIT_CHARS = 16 * 1_024;

export interface ProgramSource {
  /** Name of the binary. */
  name: string;
  /** Folder of tools/. */
  module: string;
  package: string;
  flags?: string[];
  /** Variables of its packages that hold its version. */
  stamps?: Record<string, string>;
  /** ptrace needs C. */
  cgo?: boolean;
}

export const PROGRAMS: readonly ProgramSource[] = [
  { name: 'kube-all', module: 'kube', package: '.' },
  {
    name: 'metrics-server',
    module: 'metrics-server',
    package: 'sigs.k8s.io/metrics-server/cmd/metrics-server',
  },
  {
    name: 'chaos-controller-manager',
    module: 'chaos',
    package: 'github.com/chaos-mesh/chaos-mesh/cmd/chaos-controller-manager',
  },
  {
    name: 'chaos-daemon',
    module: 'chaos',
    package: 'github.com/chaos-mesh/chaos-mesh/cmd/chaos-daemon',
    cgo: true,
  },
  {
    name: 'prometheus',
    module: 'prometheus',
    package: 'github.com/prometheus/prometheus/cmd/prometheus',
    // Without the service discoveries of every cloud it links in half the time.
    flags: ['-tags=remove_all_sd,enable_kubernetes_sd'],
    // v0.314.0 of the module is 3.14.0 of the program.
    stamps: { 'github.com/prometheus/common/version.Version': '3.14.0' },
  },
  {
    name: 'controller-gen',
    module: 'controller-gen',
    package: 'sigs.k8s.io/controller-tools/cmd/controller-gen',
  },
];

/** What kube-all is, by the name it is started as. */
export const KUBE_NAMES = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
];

export interface BuildOptions {
  signal: AbortSignal;
  onProgress: (line: string) => void;
}

export interface Programs {
  /** Absolute path by name: those of PROGRAMS, and `crds`, a folder with Chaos Mesh's CustomResourceDefinitions. */
  paths: Record<string, string>;
}

/** `v1.35.8`: the one place that says it is tools/kube/go.mod. */
export function kubernetesVersion(): string {
  const text = readFileSync(path.join(ROOT, 'tools/kube/go.mod'), 'utf8');
  const version = /^\s*k8s\.io\/kubernetes (v\d+\.\d+\.\d+)$/m.exec(text)?.[1];
  if (version === undefined) throw new Error('tools/kube/go.mod: it requires no k8s.io/kubernetes');
  return version;
}

/** Builds what is not in the cache. Throws UsageError with the reason and the way out. */
export async function buildPrograms(options: BuildOptions): Promise<Programs> {
  const goVersion = await findGo();
  const paths: Record<string, string> = {};
  for (const [index, source] of PROGRAMS.entries()) {
    const file = path.join(folderOf(source, goVersion), source.name);
    paths[source.name] = file;
    await keep(
      file,
      options.onProgress,
      `building ${source.name} (${index + 1} of ${PROGRAMS.length})`,
      (target) => runGo(['build', ...flagsOf(source), '-o', target, source.package], source, options.signal),
    );
  }
  paths['crds'] = await chaosDefinitions(paths['controller-gen'] ?? '', goVersion, options);
  return { paths };
}

/** Chaos Mesh's CustomResourceDefinitions, made from its Go types. */
async function chaosDefinitions(
  generator: string,
  goVersion: string,
  options: BuildOptions,
): Promise<string> {
  const source: ProgramSource = { name: 'crds', module: 'chaos', package: 'api/v1alpha1' };
  const folder = path.join(folderOf(source, goVersion), 'crds');
  await keep(folder, options.onProgress, 'building definitions of Chaos Mesh', async (target) => {
    mkdirSync(target);
    // In the graph that controller-gen was built with: it has the chaos module, too.
    const module: ProgramSource = { ...source, module: 'controller-gen' };
    await run(
      generator,
      [
        'crd:ignoreUnexportedFields=true,crdVersions=v1',
        'paths=github.com/chaos-mesh/chaos-mesh/api/v1alpha1',
        `output:crd:artifacts:config=${target}`,
      ],
      module,
      options.signal,
    );
    if (readdirSync(target).length < 20)
      throw new Error('controller-gen wrote fewer definitions than Chaos Mesh has');
  });
  return folder;
}

function flagsOf(source: ProgramSource): string[] {
  const stamps = Object.entries(source.name === 'kube-all' ? kubernetesStamps() : (source.stamps ?? {}));
  const stamped = stamps.map(([variable, value]) => ` -X ${variable}=${value}`).join('');
  return [`-ldflags=-s -w${stamped}`, ...(source.flags ?? [])];
}

/** Without these every component says v0.0.0-master, and version checks refuse it. */
function kubernetesStamps(): Record<string, string> {
  const version = kubernetesVersion();
  const [major = '', minor = ''] = version.slice(1).split('.');
  return Object.fromEntries(
    ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((pkg) => [
      [`${pkg}.gitVersion`, version],
      [`${pkg}.gitMajor`, major],
      [`${pkg}.gitMinor`, minor],
      [`${pkg}.gitTreeState`, 'clean'],
    ]),
  );
}

function folderOf(source: ProgramSource, goVersion: string): string {
  const hash = createHash('sha256').update(JSON.stringify([source, flagsOf(source), goVersion]));
  for (const file of ['go.mod', 'go.sum', 'main.go']) {
    const full = path.join(ROOT, 'tools', source.module, file);
    if (existsSync(full)) hash.update(readFileSync(full));
  }
  return path.join(cacheFolder(), `bare-${source.name}-${hash.digest('hex').slice(0, 12)}`);
}

async function findGo(): Promise<string> {
  const answer = await $({ nothrow: true, quiet: true, timeout: '20s' })`go version`;
  const found = /\bgo(\d+)\.(\d+)(?:\.(\d+))?/.exec(answer.stdout);
  const version = found?.slice(1).map((part) => Number(part ?? 0)) ?? [0, 0, 0];
  const order =
    LEAST_GO.map((least, i) => Math.sign((version[i] ?? 0) - least)).find((sign) => sign !== 0) ?? 0;
  if (found && order >= 0) return answer.stdout.trim();
  throw new UsageError(
    `the bare cluster is built with Go ${LEAST_GO.join('.')} or newer, and ${found ? `${found[0].slice(2)} is on PATH` : 'no go is on PATH'}; install it (https://go.dev/dl/), or use make up ON=kind`,
  );
}

function runGo(args: string[], source: ProgramSource, signal: AbortSignal): Promise<void> {
  return run('go', args, source, signal);
}

/** In a process group of its own: go starts compilers, and all of them must end with it. */
function run(program: string, args: string[], source: ProgramSource, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: path.join(ROOT, 'tools', source.module),
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        CGO_ENABLED: source.cgo === true ? '1' : '0',
        // What is here and what is pinned: no other Go is fetched, go.mod is not changed, no workspace of the user counts.
        GOTOOLCHAIN: 'local',
        GOFLAGS: '-mod=readonly -trimpath -buildvcs=false',
        GOWORK: 'off',
      },
    });
    let said = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => (said = (said + text).slice(-STDERR_LIMIT_CHARS)));
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
    child.once('error', (error) =>
      reject(new UsageError(`${program} could not be started: ${error.message}`)),
    );
    child.once('close', (code, by) => {
      stop.removeEventListener('abort', kill);
      if (code === 0) return resolve();
      const how = signal.aborted
        ? 'was interrupted'
        : stop.aborted
          ? `took longer than ${BUILD_LIMIT_MS / 60_000} min`
          : `ended with ${code ?? by}`;
      const end = said.trim().split('\n').slice(-3).join(' | ') || 'it said nothing';
      reject(new UsageError(`building ${source.name} from tools/${source.module} ${how}: ${end}`));
    });
  });
}
