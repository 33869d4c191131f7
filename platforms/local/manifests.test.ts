import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fc, test as property } from '@fast-check/vitest';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../../record/root.ts';
import type { FaultUse } from '../platform.ts';
import { checkAim } from './aim.ts';
import { readChaos } from './chaos.ts';
import { makeFixture, MANIFEST } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { overlay, plain, readYaml } from '../manifests/located.ts';
import type { Located } from '../manifests/located.ts';
import { createLocalPlatform } from './platform.ts';
import { manifestsAsPlayed } from '../manifests/played.ts';
import { readManifests } from '../manifests/read.ts';
import { readSystem } from './system.ts';
import { resolveAmount } from '../manifests/workload.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await makeFixture();
});
afterAll(() => fixture.remove());
beforeEach(() => fixture.write('manifests/tiny.yaml', MANIFEST));

const prepare = (faults: FaultUse[]) =>
  createLocalPlatform(fixture).prepare({ systemDir: fixture.systemDir, faults });
const read = (overlayName?: string) => readSystem(fixture.systemDir, overlayName, fixture.built);
const change = (from: string, to: string) => fixture.write('manifests/tiny.yaml', MANIFEST.replace(from, to));
const lineOf = (text: string) => MANIFEST.split('\n').findIndex((line) => line.includes(text)) + 1;

test('a system on another store is refused in words, before anything starts', async () => {
  const other = await makeFixture();
  try {
    const contract = other.built(path.join(path.relative(ROOT, other.systemDir), 'contract.ts'));
    writeFileSync(contract, readFileSync(contract, 'utf8').replace("'postgres'", "'kafka'"));
    await expect(readSystem(other.systemDir, undefined, other.built)).rejects.toThrow(
      'stands on kafka, and the local platform starts one PostgreSQL; run it on a cluster',
    );
  } finally {
    other.remove();
  }
});

describe('a workload', () => {
  test('is read with the defaults of the API server', async () => {
    const { workload } = await read();
    expect(workload).toEqual({
      name: 'tiny',
      replicas: 3,
      graceMs: 3000,
      preStopMs: 1000,
      maxSurge: 1,
      maxUnavailable: 0,
      readiness: { delayMs: 0, periodMs: 1000, timeoutMs: 1000, failures: 1 },
      liveness: { delayMs: 0, periodMs: 1000, timeoutMs: 1000, failures: 2 },
    });
  });

  test.each([
    ['25%', 10, 'up', 3],
    ['25%', 10, 'down', 2],
    ['25%', 3, 'up', 1],
    ['25%', 3, 'down', 0],
    ['100%', 3, 'down', 3],
    [2, 3, 'up', 2],
  ] as const)('%s of %i rounded %s is %i', (amount, replicas, round, expected) => {
    expect(resolveAmount(amount, replicas, round)).toBe(expected);
  });

  test('surge and unavailable that are both 0 leave one unavailable', async () => {
    change('maxSurge: 1, maxUnavailable: 0', 'maxSurge: 0, maxUnavailable: 10%');
    expect((await read()).workload).toMatchObject({ maxSurge: 0, maxUnavailable: 1 });
  });
});

describe('an overlay', () => {
  test('changes what it names and nothing else, by the names of list items', async () => {
    fixture.write(
      'overlays/quick.yaml',
      `kind: Deployment
metadata: { name: tiny }
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: app
          env: [{ name: GREETING, value: changed }, { name: EXTRA, value: "1" }]
          livenessProbe: null
          readinessProbe: { periodSeconds: 2 }
`,
    );
    const system = await read('quick');
    const { workload } = system;
    expect(workload).toMatchObject({
      replicas: 2,
      graceMs: 3000,
      readiness: { periodMs: 2000, failures: 1 },
    });
    expect(workload.liveness).toBeUndefined();
    const env = system.environment({ name: 'p', uid: 'u', namespace: 'n' });
    expect(env).toEqual({
      TOKEN: 's3cret',
      LEVEL: 'info',
      GREETING: 'changed',
      EXTRA: '1',
      POD_IP: '127.0.0.1',
    });
  });

  test('puts a whole object in the place of another where it says so', async () => {
    const patch = '$patch: replace\nkind: Secret\nmetadata: { name: other }\n';
    fixture.write('overlays/whole.yaml', patch);
    await expect(read('whole')).rejects.toThrow(/whole\.yaml:1: Secret other: .*no manifest has/);
    const [object] = readManifests(fixture.systemDir, undefined);
    fixture.write(
      'overlays/whole.yaml',
      `$patch: replace\nkind: ${object?.kind}\nmetadata: { name: ${object?.name} }\n`,
    );
    const [replaced] = readManifests(fixture.systemDir, 'whole');
    expect(replaced && plain(replaced.node)).toEqual({
      kind: object?.kind,
      metadata: { name: object?.name },
    });
  });

  test('that brings another store than the local one is refused', async () => {
    const other = await makeFixture();
    try {
      const contract = other.built(path.join(path.relative(ROOT, other.systemDir), 'contract.ts'));
      const text = readFileSync(contract, 'utf8');
      const big = "kind: 'postgres', withOverlay: { big: 'clickhouse' }";
      writeFileSync(contract, text.replace("kind: 'postgres'", big));
      other.write('overlays/big.yaml', 'kind: Deployment\nmetadata: { name: tiny }\n');
      await expect(readSystem(other.systemDir, 'big', other.built)).rejects.toThrow(
        'stands on clickhouse, and the local platform starts one PostgreSQL',
      );
    } finally {
      other.remove();
    }
  });

  test('is blamed with its own file and line for what it broke', async () => {
    fixture.write(
      'overlays/bad.yaml',
      'kind: Deployment\nmetadata: { name: tiny }\nspec:\n  replicas: many\n',
    );
    await expect(read('bad')).rejects.toThrow(/overlays\/bad\.yaml:4: Deployment tiny: spec\.replicas: /);
  });

  test('that names no object of the manifests is refused, and so is one that does not exist', async () => {
    fixture.write('overlays/lost.yaml', 'kind: Deployment\nmetadata: { name: other }\n');
    await expect(read('lost')).rejects.toThrow(/lost\.yaml:1: Deployment other: .*Deployment tiny/);
    await expect(read('nowhere')).rejects.toThrow(/no overlay "nowhere".*lost/);
    await expect(read('../tiny')).rejects.toThrow(/no overlay/);
  });

  const tree: fc.Arbitrary<Located> = fc.letrec<{ node: Located }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      fc.oneof(fc.string(), fc.integer()).map((value) => ({ file: 'f', line: 1, value })),
      fc
        .dictionary(fc.constantFrom('a', 'b', 'c'), tie('node'))
        .map((value) => ({ file: 'f', line: 1, value: new Map(Object.entries(value)) })),
    ),
  })).node;
  property.prop([tree], { seed: 7 })('laid over itself changes nothing', (node) => {
    expect(plain(overlay(node, node))).toEqual(plain(node));
  });
  property.prop([tree, tree], { seed: 7 })(
    'laid twice changes nothing more than laid once',
    (base, patch) => {
      const once = overlay(base, patch);
      expect(plain(overlay(once, patch))).toEqual(plain(once));
    },
  );
});

describe('what is not played', () => {
  test('is listed with file, line, object, field and reason, and nothing that is played is', async () => {
    const { unplayed } = await read();
    expect(unplayed.map(({ line, field }) => [field, line])).toEqual([
      ['spec.template.spec.affinity', lineOf('affinity:')],
      ['spec.template.spec.containers[0].image', lineOf('image:')],
      ['spec.template.spec.containers[0].resources', lineOf('resources:')],
      ['(whole object)', lineOf('autoscaling/v2')],
    ]);
    expect(unplayed.every(({ file, why }) => file.endsWith('manifests/tiny.yaml') && why.length > 10)).toBe(
      true,
    );
  });

  test('names hooks, probes, Services and objects that mean something else in a cluster', async () => {
    change('["sh", "-c", "sleep 1"]', '["/drain"]');
    fixture.write(
      'manifests/zz.yaml',
      'kind: Ingress\nmetadata: { name: web }\n---\nkind: Service\nmetadata: { name: headless }\nspec: { clusterIP: None, ports: [{ port: 1 }] }\n',
    );
    const { unplayed, workload } = await read();
    fixture.write('manifests/zz.yaml', '');
    expect(workload.preStopMs).toBe(0);
    const told = unplayed.map(({ object, field }) => `${object}: ${field}`);
    expect(told).toContain('Deployment tiny: container app: lifecycle.preStop.exec');
    expect(told).toContain('Ingress web: (whole object)');
    expect(told).toContain('Service headless: (whole object)');
  });
});

describe('the namespaces of a chaos object', () => {
  const aimed = async (namespaces: string) => {
    const system = await read();
    writeFileSync(
      `${fixture.chaosDir}/aimed.yaml`,
      `apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: { name: aimed }
spec:
  action: pod-kill
  mode: one
  selector:
    namespaces: ${namespaces}
    labelSelectors: { app: tiny }
`,
    );
    return checkAim(readChaos(fixture.chaosDir, 'aimed'), system);
  };

  test('are unplayed unless they are those of the manifests', async () => {
    expect(await aimed('[default]')).toEqual([]);
    for (const others of ['[other]', '[default, other]', '[]'])
      expect(await aimed(others)).toMatchObject([{ line: 8, field: 'spec.selector.namespaces' }]);
  });
});

describe('the manifests as played', () => {
  test('are whole, with the overlay, and hold nothing of a Secret', async () => {
    fixture.write('overlays/two.yaml', 'kind: Deployment\nmetadata: { name: tiny }\nspec: { replicas: 2 }\n');
    fixture.write(
      'manifests/tiny.yaml',
      MANIFEST.replace(
        'metadata: { name: tiny-secret }\ndata: { token: czNjcmV0 }',
        `metadata:
  name: tiny-secret
  annotations: { kubectl.kubernetes.io/last-applied-configuration: '{"data":"czNjcmV0"}' }
data: { token: czNjcmV0 }
stringData: { other: in-clear }`,
      ).replace('LEVEL: info', 'LEVEL: "level in-clear"'),
    );
    const system = await read('two');
    expect(system.sensitive).toEqual(['s3cret', 'in-clear']);
    const text = manifestsAsPlayed(system.objects, system.sensitive);
    expect(text).not.toMatch(/czNjcmV0|s3cret|in-clear/);
    const [config, secret, deployment, ...others] = parseAllDocuments(text).map((document): unknown =>
      document.toJS(),
    );
    expect(config).toMatchObject({ data: { LEVEL: 'level [redacted]' } });
    expect(secret).toMatchObject({
      kind: 'Secret',
      data: { token: '[redacted]' },
      stringData: { other: '[redacted]' },
    });
    expect(deployment).toMatchObject({ metadata: { name: 'tiny' }, spec: { replicas: 2 } });
    expect(others).toHaveLength(2);
  });
});

test("of objects that are somebody else's the evidence holds no values of the environment", async () => {
  const system = await read('two');
  const own = manifestsAsPlayed(system.objects, []);
  const foreign = manifestsAsPlayed(system.objects, [], { foreign: true });
  const values = (text: string) =>
    parseAllDocuments(text).flatMap((document) => envValues(document.toJS() as unknown));
  expect(values(own).some((value) => value !== '[redacted]')).toBe(true);
  expect(new Set(values(foreign))).toEqual(new Set(['[redacted]']));
});

/** Every literal value of an `env` list below. */
function envValues(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(envValues);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) =>
    key === 'env' && Array.isArray(below)
      ? below.flatMap((item: unknown) =>
          typeof item === 'object' && item !== null && 'value' in item ? [item.value] : [],
        )
      : envValues(below),
  );
}

describe('what cannot be used is refused before anything starts', () => {
  test.each([
    ['not YAML', 'replicas: 3', 'replicas: [3', /tiny\.yaml:\d+: not valid YAML/],
    [
      'no replicas',
      'replicas: 3',
      'replicas: 0',
      /tiny\.yaml:16: Deployment tiny: spec\.replicas: 0 replicas/,
    ],
    [
      'a wrong type',
      'periodSeconds: 1',
      'periodSeconds: often',
      /tiny\.yaml:\d+: .*containers\[0\]\.readinessProbe\.periodSeconds: /,
    ],
    [
      'a missing key',
      'key: token',
      'key: nothing',
      /env TOKEN: there is no key "nothing" in a Secret "tiny-secret"/,
    ],
    [
      'a missing ConfigMap',
      'configMapRef: { name: tiny-config',
      'configMapRef: { name: gone',
      /no ConfigMap "gone"/,
    ],
    ['a secret that is not base64', 'czNjcmV0', '"?"', /data\.token: not base64/],
    ['no Service', 'selector: { app: tiny }', 'selector: { app: other }', /no Service/],
    [
      'a foreign selector',
      'matchLabels: { app: tiny }',
      'matchLabels: { app: x }',
      /does not match the labels/,
    ],
    [
      'no known container',
      '- name: app',
      '- name: unknown',
      /no Deployment has a container that the contract names \(app\)/,
    ],
    [
      'a name twice',
      'name: tiny-hpa',
      'name: tiny-hpa }\n---\nkind: ConfigMap\nmetadata: { name: tiny-config',
      /defined a second time/,
    ],
    ['an unquoted number', '"$(TOKEN) at $(LEVEL), $$(TOKEN)"', '5', /need quotes/],
  ])('%s', async (_what, from, to, message) => {
    expect(MANIFEST).toContain(from);
    change(from, to);
    await expect(read()).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(message),
    });
  });

  test('a chaos object that the run will use', async () => {
    await expect(prepare([{ name: 'kill', fault: { chaos: 'pod-kill' } }])).resolves.toMatchObject({
      workload: { name: 'tiny' },
      durationsMs: {},
    });
    await expect(prepare([{ name: 'quake', fault: { chaos: 'earthquake' } }])).rejects.toThrow(
      /no such fault; there is: /,
    );
  });

  test('a length for what cannot last, and no length for what must', async () => {
    const kill = { name: 'kill', fault: { chaos: 'pod-kill' }, forMs: 1000 };
    await expect(prepare([kill])).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/disturbance kill: .*pod-kill\.yaml .*remove forMs/),
    });
    for (const chaos of ['store-partition', 'store-delay']) {
      await expect(prepare([{ name: 'cut', fault: { chaos } }])).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/disturbance cut: nobody says how long/),
      });
      for (const forMs of [1000, 'below-liveness'] as const)
        await expect(prepare([{ name: 'cut', fault: { chaos }, forMs }])).resolves.toMatchObject({
          durationsMs: {},
        });
    }
  });

  test('the duration of a chaos object is its length where the scenario gives none', async () => {
    await expect(
      prepare([
        { name: 'one', fault: { chaos: 'timed' } },
        { name: 'two', fault: { chaos: 'timed' }, forMs: 5000 },
      ]),
    ).resolves.toMatchObject({ durationsMs: { one: 90_000, two: 90_000 } });
  });

  test('aliases that unfold without end', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...['b', 'c', 'd', 'e', 'f', 'g'].map(
        (name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdef'[i]}`).join(',')}]`,
      ),
    ];
    fixture.write('bomb.yaml', bomb.join('\n'));
    expect(() => readYaml(`${fixture.systemDir}/bomb.yaml`)).toThrow(/aliases unfold to too much/);
  });
});
