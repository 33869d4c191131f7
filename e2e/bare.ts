/** The bare cluster for the end-to-end tests: up, down, kubectl, and what of it a machine could keep. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { startComponent, stopComponent } from '../platforms/bare/component-processes.ts';
import { KUBECONFIG, NODES, STATE } from '../platforms/bare/layout.ts';
import { inNode } from '../platforms/bare/node.ts';
import { runningState, type State } from '../platforms/bare/state.ts';
import { start } from './proofload.ts';

/** Why there can be no bare cluster here, or null. */
export function whyNoCluster(): string | null {
  if (process.platform !== 'linux') return 'a bare cluster needs Linux';
  if (process.getuid?.() !== 0) return 'a bare cluster needs root';
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return 'a bare cluster needs cgroup v1';
  return null;
}

/** `options`: of `proofload up --on bare`. */
export async function up(...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(['up', '--on', 'bare', ...options]).ended;
  if (code !== 0) throw new Error(`proofload up ended with ${code}:\n${stderr.slice(-4_000)}`);
  process.stderr.write(`${stdout}${stderr.split('\n').slice(-14).join('\n')}`);
  return stdout;
}

/** PROOFLOAD_KEEP=1 keeps the cluster that is there, for whoever works on these tests. */
export async function down(): Promise<void> {
  if (process.env['PROOFLOAD_KEEP'] === '1') return;
  const { code, stderr } = await start(['down', '--on', 'bare']).ended;
  if (code !== 0) throw new Error(`proofload down ended with ${code}:\n${stderr.slice(-2_000)}`);
}

/**
 * Stops one component of the cluster (`kube-apiserver`, `kube-controller-manager`, `metrics-server`) and starts it again afterwards. A new
 * controller manager waits until the lease of the last one has run out, 60 s, unless `meanwhile` deletes it.
 */
export async function without(component: string, meanwhile: () => Promise<void>): Promise<void> {
  const state = runningState();
  await stopComponent(state, component);
  try {
    await meanwhile();
  } finally {
    await startComponent(state, component);
  }
}

/** Standard output of kubectl as administrator, over the forwarder on loopback. */
export async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    path.join(STATE, 'bin/kubectl'),
    ['--kubeconfig', KUBECONFIG, ...args],
    { timeout: 120_000, maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout.trim();
}

/** Network namespaces, mounts, cgroups, processes, settings and rules of this machine, as far as a cluster could leave something there. */
export function machine(): Record<string, string[]> {
  const lines = (file: string) => readFileSync(file, 'utf8').trim().split('\n').sort();
  return {
    netns: existsSync('/run/netns') ? readdirSync('/run/netns').sort() : [],
    mounts: lines('/proc/self/mounts'),
    links: readdirSync('/sys/class/net').sort(),
    cgroups: readdirSync('/sys/fs/cgroup').flatMap((hierarchy) =>
      readdirSync(path.join('/sys/fs/cgroup', hierarchy), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${hierarchy}/${name}`)
        .sort(),
    ),
    processes: readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && isOfCluster(entry)),
    settings: [
      'kernel/panic',
      'kernel/panic_on_oops',
      'vm/overcommit_memory',
      'fs/inotify/max_user_instances',
    ].map((name) => `${name}=${readFileSync(path.join('/proc/sys', name), 'utf8').trim()}`),
    rules: execFileSync('iptables-save', { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.startsWith('-A')),
    folders: [STATE, '/host-sys'].filter((folder) => existsSync(folder)),
  };
}

function isOfCluster(pid: string): boolean {
  try {
    const text =
      readFileSync(`/proc/${pid}/cmdline`, 'latin1') + readFileSync(`/proc/${pid}/cgroup`, 'latin1');
    return text.includes(STATE) || /:\/proofload-bare\//.test(text);
  } catch {
    return false;
  }
}

/** Ends every connection from inside node-a to that address, as a middlebox would: both ends get a reset. Says how many there were. */
export function cutConnections(address: string, port: number): number {
  const netns = `--net=/run/netns/${NODES[0]?.netns ?? ''}`;
  const filter = ['--kill', '--tcp', '--no-header', 'dst', `${address}:${port}`];
  const killed = execFileSync('nsenter', [netns, 'ss', ...filter], { cwd: '/', encoding: 'utf8' });
  return killed.split('\n').filter(Boolean).length;
}

/** Takes an image away from both nodes. */
export function removeImage(name: string): void {
  const state = runningState();
  for (const node of NODES) {
    const holder = state.holders[node.name]?.holder;
    if (holder === undefined) throw new Error(`${node.name} is not there`);
    const [program = '', ...words] = inNode(holder);
    execFileSync(program, [...words, 'ctr', '-n', 'k8s.io', 'images', 'rm', '--sync', name], { cwd: '/' });
  }
}

/**
 * Firewall rules and sets in every pod's network, by node. `inForce`: only rules that a packet can meet; Chaos Mesh takes a partition back by
 * emptying the two chains that everything passes, and leaves the chains and sets behind them until the pod goes.
 */
export function podRules({ inForce }: { inForce: boolean }): string[] {
  const state: State = runningState();
  return NODES.flatMap(({ name }) => {
    const holder = state.holders[name]?.holder;
    if (holder === undefined) throw new Error(`${name} is not there`);
    const [program = '', ...words] = inNode(holder);
    const inside = (...argv: string[]) =>
      execFileSync(program, [...words, ...argv], { encoding: 'utf8', cwd: '/' });
    return inside('ls', '/run/netns')
      .split('\n')
      .filter((netns) => netns.startsWith('cni-'))
      .flatMap((netns) => {
        const within = ['nsenter', `--net=/run/netns/${netns}`];
        const rules = inside(...within, 'iptables-save').split('\n');
        const sets = inside(...within, 'ipset', 'list', '-n')
          .split('\n')
          .filter(Boolean);
        const found = inForce
          ? rules.filter((line) => /^-A CHAOS-(INPUT|OUTPUT) /.test(line))
          : [
              ...rules.filter((line) => line.startsWith('-A') && !/-j CHAOS-(INPUT|OUTPUT)$/.test(line)),
              ...sets,
            ];
        return found.map((line) => `${name} ${netns}: ${line}`);
      });
  });
}

/** Everything in the cluster that could be a run's: labelled objects, chaos, leases, cordons. */
export async function marksInCluster(): Promise<string[]> {
  const named = ['-A', '-o', 'name', '--ignore-not-found'];
  const kinds =
    'namespaces,pods,deployments,jobs,configmaps,secrets,services,serviceaccounts,roles,rolebindings,leases,poddisruptionbudgets';
  const [labelled, chaos, rules, lease, cordoned] = await Promise.all([
    kubectl('get', kinds, '-l', 'proofload.dev/run', ...named),
    kubectl('get', 'networkchaos,podchaos,stresschaos', ...named),
    kubectl(
      'get',
      'podnetworkchaos',
      '-A',
      '-o',
      'jsonpath={range .items[*]}{.spec.iptables}{.spec.ipsets}{"\\n"}{end}',
    ),
    kubectl(
      'get',
      'lease',
      '-n',
      'default',
      'proofload-node-faults',
      '-o',
      'jsonpath={.spec.holderIdentity}',
      '--ignore-not-found',
    ),
    kubectl(
      'get',
      'nodes',
      '-o',
      'jsonpath={range .items[?(@.spec.unschedulable==true)]}{.metadata.name}{"\\n"}{end}',
    ),
  ]);
  return [labelled, chaos, rules, lease, cordoned].flatMap((text) => text.split('\n')).filter(Boolean);
}
