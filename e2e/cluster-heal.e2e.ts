/**
 * What a harness leaves in a cluster that it was killed on, and what it may not touch: `kill -9` with a partition acting and with a node
 * cordoned, then `proofload heal`; a system that was there before; two runs at once; refusals before anything was changed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KUBECONFIG } from '../platforms/bare/layout.ts';
import { EXIT } from '../record/model.ts';
import { ROOT } from '../record/root.ts';
import { down, kubectl, marksInCluster, podRules, removeImage, up, whyNoCluster } from './bare.ts';
import { deployByHand } from './by-hand.ts';
import { type JudgedRun, judgedRun, red, saysNothing, start, startUntil } from './proofload.ts';

const why = whyNoCluster();
const folder = mkdtempSync(path.join(os.tmpdir(), 'cluster-e2e-'));
/** Run directories, and nothing else. */
const out = path.join(folder, 'runs');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Kills a run and its watchdog: what heals is the command alone, from a cold start. */
async function killAt(args: string[], moment: string): Promise<string> {
  const running = await startUntil(['run', ...args, '--out', out], moment);
  const dir = path.join(out, readdirSync(out).sort().at(-1) ?? '');
  const journal = readFileSync(path.join(dir, 'undo.jsonl'), 'utf8');
  const [, watchdog] = /"acted".*"watchdog","pid":(\d+)/.exec(journal) ?? [];
  if (watchdog === undefined) throw new Error(`no watchdog in ${dir}/undo.jsonl`);
  process.kill(Number(watchdog), 'SIGKILL');
  process.kill(running.pid, 'SIGKILL');
  expect((await running.ended).signal).toBe('SIGKILL');
  return dir;
}

async function heal(): Promise<void> {
  const healed = await start(['heal', '--all', '--out', out, '--json']).ended;
  expect(healed.code, healed.stdout + healed.stderr).toBe(EXIT.pass);
  process.stderr.write(`${healed.stdout}\n`);
}

describe.skipIf(why !== null)('on a bare cluster', () => {
  beforeAll(async () => {
    await down();
    await up();
    await deployByHand('luminate', 'lasting');
  });
  afterAll(() => down());

  const CUT = 'fault store-cut: its probe saw it acting';

  it('heals a partition whose harness was killed, with every rule of it', async () => {
    const before = podRules({ inForce: false });
    await killAt(['pod-faults-1m', '--on', 'bare', '--seed', '2'], CUT);
    expect(podRules({ inForce: true }).length, 'the partition was not there').toBeGreaterThan(0);
    await heal();
    expect(podRules({ inForce: false })).toEqual(before);
    expect(await marksInCluster()).toEqual([]);
  });

  it('heals a partition of a system that stays, and leaves it as it was', async () => {
    const before = await deploymentOf('lasting');
    await killAt(['pod-faults-1m', '--on', 'bare', '--attach', '--namespace', 'lasting', '--seed', '2'], CUT);
    expect(podRules({ inForce: true }).length, 'the partition was not there').toBeGreaterThan(0);
    await heal();
    expect(podRules({ inForce: true })).toEqual([]);
    expect(await marksInCluster()).toEqual([]);
    expect(await deploymentOf('lasting')).toEqual(before);
  });

  it('heals a cordoned node whose harness was killed', async () => {
    await killAt(['drain-1m', '--on', 'bare'], 'fault drain: its probe saw it acting');
    expect((await marksInCluster()).join('\n'), 'no node was cordoned').toMatch(/^node-[ab]$/m);
    await heal();
    expect(await marksInCluster()).toEqual([]);
  });

  it('tests what runs already and leaves it byte for byte as it was', async () => {
    const before = await deploymentOf('lasting');
    const run = await judgedRun(['pod-faults-1m', '--on', 'bare', '--attach', '--namespace', 'lasting']);
    expect(await deploymentOf('lasting')).toEqual(before);
    expect(await marksInCluster()).toEqual([]);
    expect(
      run.verdicts.filter(({ verdict }) => verdict === 'fail'),
      red(run).join('\n'),
    ).toEqual([]);
    expect(run.verdicts.find(({ check }) => check === 'faults-proven')?.verdict).toBe('pass');
  });

  it('plays two runs at once in two namespaces, which do not touch each other', async () => {
    const both = () =>
      Promise.all(
        ['one', 'two'].map(async (namespace, seed) => {
          const words = [
            '--namespace',
            namespace,
            '--seed',
            String(seed),
            '--out',
            path.join(out, namespace),
          ];
          const { stdout, stderr } = await start(['run', 'pod-faults-1m', '--on', 'bare', '--json', ...words])
            .ended;
          if (stdout === '') throw new Error(`no verdict:\n${stderr.slice(-4_000)}`);
          return JSON.parse(stdout) as JudgedRun;
        }),
      );
    const of = ({ verdicts }: JudgedRun, check: string) =>
      verdicts.find((verdict) => verdict.check === check)?.verdict;
    // A spoilt baseline disturbs nothing: then there were no two runs at once.
    const spoilt = (run: JudgedRun) => saysNothing(run) && of(run, 'faults-proven') !== 'pass';
    let runs = await both();
    if (runs.some(spoilt)) runs = await both();
    for (const run of runs)
      for (const check of ['faults-proven', 'no-acknowledged-write-lost', 'no-restarts'])
        expect(of(run, check), `${check} of ${run.runId}\n${red(run).join('\n')}`).toBe('pass');
  });

  it('refuses a second fault on nodes while another run holds them', async () => {
    const until = new Date().toISOString().replace('Z', '000Z');
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'proofload-node-faults', namespace: 'default' },
      spec: {
        holderIdentity: 'somebody-else',
        leaseDurationSeconds: 3_600,
        acquireTime: until,
        renewTime: until,
      },
    };
    const file = path.join(folder, 'lease.json');
    writeFileSync(file, JSON.stringify(lease));
    await kubectl('create', '-f', file);
    try {
      const { code, stdout } = await start(['run', 'drain-1m', '--on', 'bare', '--json', '--out', out]).ended;
      expect(code, stdout).toBe(EXIT.invalid);
      expect(stdout).toMatch(/somebody-else/);
      expect(await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].spec.unschedulable}')).toBe('');
    } finally {
      await kubectl('delete', '-f', file);
    }
  });

  describe('refuses in one line, before anything was changed,', () => {
    const refused = async (args: string[], cwd = ROOT, env: Record<string, string> = {}) => {
      const before = await kubectl('get', 'namespaces', '-o', 'name');
      const { code, stderr } = await start(['run', 'pod-faults-1m', ...args, '--out', out], env, cwd).ended;
      expect(code, stderr).toBe(EXIT.usage);
      expect(stderr.trim().split('\n'), stderr).toHaveLength(1);
      expect(await kubectl('get', 'namespaces', '-o', 'name')).toBe(before);
      return stderr;
    };

    it('a namespace that is not ours', async () => {
      expect(await refused(['--on', 'bare', '--namespace', 'lasting'])).toMatch(/lasting.*--attach/);
    });

    it('a context that proofload.yaml does not allow', async () => {
      expect(await refused(['--on', 'kubernetes', '--kubeconfig', KUBECONFIG])).toMatch(
        /proofload\.yaml.*contexts/,
      );
    });

    it('credentials without the rights', async () => {
      await kubectl('create', 'serviceaccount', 'nobody', '-n', 'default');
      const token = await kubectl('create', 'token', 'nobody', '-n', 'default');
      const file = path.join(folder, 'nobody.yaml');
      const admin = readFileSync(KUBECONFIG, 'utf8');
      writeFileSync(
        file,
        admin.replace(
          /user:\n( +)client-certificate-data:[\s\S]*?(?=contexts:)/,
          `user:\n$1token: ${token}\n`,
        ),
        { mode: 0o600 },
      );
      const cwd = mkdtempSync(path.join(folder, 'cwd-'));
      writeFileSync(path.join(cwd, 'proofload.yaml'), 'contexts:\n  - name: proofload-bare\n');
      expect(await refused(['--on', 'kubernetes', '--kubeconfig', file], cwd)).toMatch(
        /kubectl create (cluster)?role/,
      );
    });

    it('a cluster without Chaos Mesh', async () => {
      const definition = await kubectl('get', 'crd', 'podchaos.chaos-mesh.org', '-o', 'json');
      await kubectl('delete', 'crd', 'podchaos.chaos-mesh.org');
      try {
        expect(await refused(['--on', 'bare'])).toMatch(/Chaos Mesh/);
      } finally {
        const file = path.join(folder, 'crd.json');
        writeFileSync(file, definition);
        await kubectl('create', '-f', file);
        await kubectl('wait', '--for=condition=Established', 'crd/podchaos.chaos-mesh.org');
      }
    });
  });

  it('finds an image that cannot be pulled before anything is deployed', async () => {
    removeImage('docker.io/library/luminate:v1');
    const { code, stdout } = await start(['run', 'drain-1m', '--on', 'bare', '--json', '--out', out]).ended;
    expect(code, stdout).toBe(EXIT.invalid);
    expect(stdout).toMatch(/luminate:v1/);
    expect(await marksInCluster()).toEqual([]);
  });
});

/** Without what the API server itself counts on. */
async function deploymentOf(namespace: string): Promise<unknown> {
  const found = JSON.parse(await kubectl('get', 'deployment', 'luminate', '-n', namespace, '-o', 'json')) as {
    metadata: Record<string, unknown>;
    spec: unknown;
  };
  const { resourceVersion: _, managedFields: __, ...metadata } = found.metadata;
  return { metadata, spec: found.spec };
}
