import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fixture } from './fixture.ts';
import { makeFixture, MANIFEST } from './fixture.ts';
import { readSystem } from './system.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await makeFixture();
});
afterAll(() => fixture.remove());

const service = (value: string) => `apiVersion: v1
kind: Service
metadata:
  name: tiny-svc
  annotations: { proofload.dev/endpoints-lag-ms: ${value} }
`;
const lag = async (overlay?: string) =>
  (await readSystem(fixture.systemDir, overlay, fixture.built)).endpointsLagMs;

test('the news of the endpoints travels for as long as the Service says, and else not at all', async () => {
  fixture.write('manifests/tiny.yaml', MANIFEST);
  expect(await lag()).toBe(0);
  fixture.write('overlays/slow.yaml', service("'1000'"));
  expect(await lag('slow')).toBe(1_000);
});

test.each(["'1s'", '1000', "''", "'-1'"])('%s is no time', async (value) => {
  fixture.write('manifests/tiny.yaml', MANIFEST);
  fixture.write('overlays/slow.yaml', service(value));
  await expect(lag('slow')).rejects.toThrow(/slow\.yaml:5: .*endpoints-lag-ms.*milliseconds/s);
});
