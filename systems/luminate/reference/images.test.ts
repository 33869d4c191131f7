/** What the manifests and the recipes say of each other. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ImageRecipe } from '../../../record/image.ts';
import { images } from './images.ts';

const SYSTEM = path.dirname(import.meta.dirname);

function read(file: string): unknown[] {
  const text = readFileSync(path.join(SYSTEM, file), 'utf8');
  return parseAllDocuments(text).map((document): unknown => document.toJS());
}

const [store, service] = read('reference/manifests/store.yaml');
const [pdb] = read('reference/manifests/pdb.yaml');
const [, secret] = read('manifests/config.yaml');
const [deployment] = read('manifests/deployment.yaml');

it('has a valid recipe for the image that the Deployment names', () => {
  for (const recipe of images) expect(ImageRecipe.safeParse(recipe).success).toBe(true);
  const [recipe] = images;
  const image = recipe?.name.replace('docker.io/library/', '');
  expect(deployment).toHaveProperty('spec.template.spec.containers.0.image', image);
  expect(deployment).toHaveProperty('spec.template.spec.securityContext.runAsUser', recipe?.user);
});

it('gives the store the password of the URL that the server gets', () => {
  expect(store).toHaveProperty('spec.template.spec.containers.0.env.0.valueFrom.secretKeyRef', {
    name: 'luminate-secrets',
    key: 'store-password',
  });
  const { stringData } = secret as { stringData: Record<string, string> };
  const url = new URL(stringData['store-url'] ?? '');
  expect(url.password).toBe(stringData['store-password']);
  expect(service).toHaveProperty('metadata.name', url.hostname);
  expect(service).toHaveProperty('spec.ports.0.port', Number(url.port));
});

it('puts ClickHouse in the place of the store, under its names and on its claim', () => {
  const [other, way] = read('reference/overlays/clickhouse.yaml');
  for (const [object, base] of [
    [other, store],
    [way, service],
  ])
    expect(object).toMatchObject({ $patch: 'replace', ...pick(base) });
  expect(other).toHaveProperty('spec.template.metadata.labels', { app: 'luminate-store' });
  expect(other).toHaveProperty('spec.selector.matchLabels', { app: 'luminate-store' });
  expect(way).toHaveProperty('spec.selector', { app: 'luminate-store' });
  const claims = (object: unknown) => JSON.stringify(object).match(/"claimName":"[^"]*"/g);
  expect(claims(other)).toEqual(claims(store));
  const [settings] = read('overlays/clickhouse.yaml');
  const url = new URL((settings as { stringData: Record<string, string> }).stringData['store-url'] ?? '');
  expect(way).toHaveProperty('metadata.name', url.hostname);
  expect(way).toHaveProperty('spec.ports.0.port', Number(url.port));
});

function pick(object: unknown): object {
  const { kind, apiVersion, metadata } = object as Record<string, unknown>;
  return { kind, apiVersion, metadata };
}

it('leads the Service to the store and the budget to the servers, and to nothing else', () => {
  const labels = { app: 'luminate-store' };
  expect(store).toHaveProperty('spec.selector.matchLabels', labels);
  expect(store).toHaveProperty('spec.template.metadata.labels', labels);
  expect(service).toHaveProperty('spec.selector', labels);
  expect(pdb).toHaveProperty('spec', { minAvailable: 2, selector: { matchLabels: { app: 'luminate' } } });
  expect(deployment).toHaveProperty('spec.selector.matchLabels', { app: 'luminate' });
});
