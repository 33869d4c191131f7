import { expect, it } from 'vitest';
import { readConfig } from './config.ts';
import { DEFECTS } from './defects.ts';

const LEAST = { LUMINATE_STORE_URL: 'postgres://localhost/x', LUMINATE_AUTH_JWT_SECRET: 's' };

it('needs the store and the secret, and has a default for the rest', () => {
  expect(readConfig(LEAST)).toEqual({
    podName: undefined,
    shutdownAtLeastMs: 300,
    host: '0.0.0.0',
    port: 8080,
    storeUrl: 'postgres://localhost/x',
    jwtSecret: 's',
    storeTimeoutMs: 1_000,
    shutdownTimeoutMs: 10_000,
    tenantMetricsPerS: 0,
    bodyKeepMs: 300_000,
    defect: undefined,
  });
  expect(readConfig({ ...LEAST, LISTEN: '127.0.0.1:0' })).toMatchObject({ host: '127.0.0.1', port: 0 });
});

it.each(Object.keys(DEFECTS))('knows the defect %s', (defect) => {
  expect(readConfig({ ...LEAST, PROOFLOAD_DEFECT: defect }).defect).toBe(defect);
});

it.each(['postgresql://localhost/x', 'http://localhost:8123'])('takes the store %s', (storeUrl) => {
  expect(readConfig({ ...LEAST, LUMINATE_STORE_URL: storeUrl })).toMatchObject({ storeUrl });
});

it.each([
  ['LUMINATE_STORE_URL', ''],
  ['LUMINATE_STORE_URL', 'kafka://localhost:9092'],
  ['LUMINATE_STORE_URL', 'localhost:8123'],
  ['LUMINATE_AUTH_JWT_SECRET', ''],
  ['LUMINATE_STORE_TIMEOUT_MS', '0'],
  ['LUMINATE_SHUTDOWN_TIMEOUT_MS', '-1'],
  ['LUMINATE_TENANT_METRICS_PER_S', 'many'],
  ['LUMINATE_BODY_KEEP_MS', '1.5'],
  ['LISTEN', '8080'],
  ['LISTEN', '127.0.0.1:65536'],
  ['PROOFLOAD_DEFECT', 'toString'],
])('refuses %s=%s and names it', (name, value) => {
  expect(() => readConfig({ ...LEAST, [name]: value })).toThrow(name);
});
