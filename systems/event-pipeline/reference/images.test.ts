/** What the manifests, the recipe and the contract say of each other. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ImageRecipe } from '../../../record/image.ts';
import { contract } from '../contract.ts';
import { images } from './images.ts';

const SYSTEM = path.dirname(import.meta.dirname);

function read(file: string): unknown[] {
  const text = readFileSync(path.join(SYSTEM, file), 'utf8');
  return parseAllDocuments(text).map((document): unknown => document.toJS());
}

const [recipe] = images;
const [config] = read('manifests/config.yaml');

it.each([
  ['capture-api', 'capture', 8_000],
  ['consumer', 'consumer', 9_090],
  ['query-api', 'query', 8_001],
])('runs %s from the one image, under the names of the contract', (name, program, port) => {
  expect(ImageRecipe.safeParse(recipe).success).toBe(true);
  expect(contract.containers).toContain(name);
  const [deployment] = read(`manifests/${name}.yaml`);
  const pod = 'spec.template.spec';
  expect(deployment).toHaveProperty('metadata', { name, namespace: 'event-pipeline', labels: { app: name } });
  expect(deployment).toHaveProperty('spec.selector.matchLabels', { app: name });
  expect(deployment).toHaveProperty('spec.template.metadata.labels', { app: name });
  expect(deployment).toHaveProperty(`${pod}.containers.0.name`, name);
  expect(deployment).toHaveProperty(
    `${pod}.containers.0.image`,
    recipe?.name.replace('docker.io/library/', ''),
  );
  expect(deployment).toHaveProperty(`${pod}.containers.0.args`, [program]);
  expect(deployment).toHaveProperty(`${pod}.containers.0.ports.0.containerPort`, port);
  expect(deployment).toHaveProperty(`${pod}.securityContext.runAsUser`, recipe?.user);
});

it('gives the programs the addresses of the stores that the contract names', () => {
  const stores = read('reference/manifests/stores.yaml');
  const services = stores.filter((each) => Reflect.get(Object(each), 'kind') === 'Service');
  const { data } = config as { data: Record<string, string> };
  for (const variable of Object.keys(contract.stores)) {
    const { hostname, port } = new URL(data[variable] ?? '');
    const service = services.find(
      (each) => Reflect.get(Reflect.get(Object(each), 'metadata'), 'name') === hostname,
    );
    expect(service).toHaveProperty('spec.ports.0.port', Number(port));
  }
});
