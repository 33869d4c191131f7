import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ROOT } from '../../record/root.ts';
import { readManifest } from '../addons/manifest.ts';
import { ADDONS, CLUSTER, CONFIG, KIND_MODULE, KIND_VERSION } from './layout.ts';
import { findKind, installedKind } from './programs.ts';
import { run } from './run.ts';

const DIGEST = /@sha256:[0-9a-f]{64}$/;
const BUILD_MS = 10 * 60_000;

const ClusterConfig = z.object({
  name: z.literal(CLUSTER),
  nodes: z.array(z.object({ role: z.string(), image: z.string() })),
  kubeadmConfigPatches: z.array(z.string()),
});

describe('kind-config.yaml', () => {
  const config = ClusterConfig.parse(parse(readFileSync(CONFIG, 'utf8')));

  it('has two workers, all nodes of one image that is pinned by digest', () => {
    expect(config.nodes.map(({ role }) => role)).toEqual(['control-plane', 'worker', 'worker']);
    const images = new Set(config.nodes.map(({ image }) => image));
    expect(images.size).toBe(1);
    expect([...images][0]).toMatch(DIGEST);
  });

  it('names the version of kind that is built', () => {
    const required = /^\s*sigs\.k8s\.io\/kind v(\S+)/m.exec(
      readFileSync(path.join(KIND_MODULE, 'go.mod'), 'utf8'),
    );
    expect(required?.[1]).toBe(KIND_VERSION);
    expect(readFileSync(CONFIG, 'utf8')).toContain(`v${KIND_VERSION}`);
  });

  it('patches the kubelet', () => {
    const patches = config.kubeadmConfigPatches.map((text): unknown => parse(text));
    expect(patches).toEqual([expect.objectContaining({ kind: 'KubeletConfiguration' })]);
  });
});

describe("kind's own loader", () => {
  let kind: string | null = null;
  let folder: string;
  const { signal } = new AbortController();
  const WHY = 'kind is neither on PATH nor in the cache; PROOFLOAD_BUILD_KIND=1 builds it first';

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-kind-'));
    kind =
      process.env['PROOFLOAD_BUILD_KIND'] === '1'
        ? await findKind({ signal, onProgress: () => undefined })
        : (await installedKind(signal)).file;
    if (kind === null) process.stderr.write(`skipped: ${WHY}\n`);
  }, BUILD_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** With an empty PATH kind finds no runtime: whatever the file says, no cluster comes of it. */
  async function load(program: string, config: string): Promise<string> {
    const args = ['create', 'cluster', '--name', 'proofload-check', '--config', config];
    const env = { PATH: folder, KIND_EXPERIMENTAL_PROVIDER: 'docker' };
    const options = { signal, timeoutMs: 20_000, env };
    return run(program, [...args, '--kubeconfig', path.join(folder, 'kubeconfig')], options).then(
      () => 'created',
      (error: unknown) => String(error),
    );
  }

  it('takes every field of the file, and then looks for a runtime', async (context) => {
    if (kind === null) {
      context.skip(WHY);
      return;
    }
    const said = await load(kind, CONFIG);
    expect(said).toMatch(/"docker": executable file not found/);
    expect(said).not.toMatch(/decode/);
  });

  it('refuses a field that it does not know', async (context) => {
    if (kind === null) {
      context.skip(WHY);
      return;
    }
    const file = path.join(folder, 'wrong.yaml');
    writeFileSync(file, readFileSync(CONFIG, 'utf8').replace('role: worker', 'rôle: worker'));
    expect(await load(kind, file)).toMatch(
      /unable to decode config.*field rôle not found in type v1alpha4\.Node/s,
    );
  });
});

const Workload = z.object({
  spec: z.object({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.object({
        containers: z.array(
          z.object({
            name: z.string(),
            image: z.string(),
            readinessProbe: z.unknown(),
            resources: z.object({
              requests: z.object({ cpu: z.string(), memory: z.string() }),
              limits: z.object({ memory: z.string() }),
            }),
          }),
        ),
      }),
    }),
  }),
});

describe('the add-ons', () => {
  const files = readdirSync(ADDONS).filter((file) => file.endsWith('.yaml'));

  it('are the three', () => {
    expect(files.sort()).toEqual(['chaos-mesh.yaml', 'metrics-server.yaml', 'prometheus.yaml']);
  });

  it.each(files)('%s: exact images, resources, probes, selectors that meet their pods', (file) => {
    const text = readFileSync(path.join(ADDONS, file), 'utf8');
    const objects = readManifest(path.join(ADDONS, file));
    const workloads = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet');
    expect(workloads.length).toBeGreaterThan(0);
    for (const { spec } of workloads.map((object) => Workload.parse(object))) {
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      for (const { image, name, readinessProbe } of spec.template.spec.containers) {
        expect(image, name).toMatch(/:v\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$/);
        if (!DIGEST.test(image)) expect(text).toContain('Not pinned by digest');
        expect(readinessProbe, name).toBeDefined();
      }
    }
  });

  it.each(files)('%s: every role that is bound is there', (file) => {
    const objects = readManifest(path.join(ADDONS, file));
    const named = new Set(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    const bindings = objects.filter(({ kind }) => kind.endsWith('Binding'));
    expect(bindings.length).toBeGreaterThan(0);
    for (const { roleRef } of bindings.map((object) => Binding.parse(object))) {
      const builtIn = ['system:auth-delegator', 'extension-apiserver-authentication-reader'].includes(
        roleRef.name,
      );
      expect(builtIn || named.has(`${roleRef.kind} ${roleRef.name}`), roleRef.name).toBe(true);
    }
  });
});

const Binding = z.object({ roleRef: z.object({ kind: z.string(), name: z.string() }) });

const Workflow = z.object({
  permissions: z.strictObject({ contents: z.literal('read') }),
  jobs: z.record(
    z.string(),
    z.object({
      'timeout-minutes': z.number(),
      steps: z.array(
        z.object({ uses: z.string().optional(), run: z.string().optional(), if: z.string().optional() }),
      ),
    }),
  ),
});

describe('the workflow', () => {
  const text = readFileSync(path.join(ROOT, '.github', 'workflows', 'e2e.yaml'), 'utf8');
  const steps = Object.values(Workflow.parse(parse(text)).jobs).flatMap((job) => job.steps);

  it('pins every action by commit', () => {
    const actions = steps.flatMap(({ uses }) => uses ?? []);
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) expect(action).toMatch(/^actions\/[a-z-]+@[0-9a-f]{40}$/);
  });

  it('takes the cluster down whatever happened', () => {
    expect(steps.find(({ run: command }) => command === 'make down ON=kind')?.if).toBe('always()');
  });
});
