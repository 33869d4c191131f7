/** What the overlays make of the reference system's stores. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { parseLocated } from '../../platforms/manifests/located.ts';
import { readManifests } from '../../platforms/manifests/read.ts';
import { ROOT } from '../../record/root.ts';

const SYSTEM = path.join(ROOT, 'systems/event-pipeline');
const Brokers = z.object({
  spec: z.object({
    replicas: z.number(),
    template: z.object({
      spec: z.object({
        containers: z.tuple([
          z.object({ env: z.array(z.object({ name: z.string(), value: z.string().optional() })) }),
        ]),
      }),
    }),
  }),
});

function brokers(overlay: string | undefined) {
  const found = readManifests(path.join(SYSTEM, 'reference'), overlay).find(
    ({ title }) => title === 'StatefulSet event-kafka',
  );
  if (found === undefined) throw new Error('no StatefulSet event-kafka');
  const { replicas, template } = parseLocated(Brokers, found.node, found.title).spec;
  return { replicas, env: template.spec.containers[0].env };
}

it('has each overlay in both places, and each fits the manifests', () => {
  const files = readdirSync(path.join(SYSTEM, 'overlays'));
  expect(readdirSync(path.join(SYSTEM, 'reference/overlays'))).toEqual(files);
  for (const file of files) readManifests(SYSTEM, path.basename(file, '.yaml'));
});

// Kubernetes expands $(NAME) in a value only when NAME stands before it in the list.
it.each([
  [undefined, 1, '$(EVENT_KAFKA_SERVICE_HOST):9092'],
  ['two-brokers', 2, '$(POD_IP):9092'],
])('%s: %i brokers, each told to clients as %s', (overlay, replicas, advertised) => {
  const found = brokers(overlay);
  expect(found.replicas).toBe(replicas);
  const names = found.env.map(({ name }) => name);
  expect(found.env.find(({ name }) => name === 'ADVERTISED')?.value).toBe(advertised);
  expect(names.indexOf('POD_IP')).toBeLessThan(names.indexOf('ADVERTISED'));
  expect(names.includes('QUORUM')).toBe(replicas > 1);
});
