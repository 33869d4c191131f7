import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { cacheFolder } from './root.ts';

it('takes XDG_CACHE_HOME only when it is absolute', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/var/cache' })).toBe('/var/cache/proofload');
  const own = path.join(os.homedir(), '.cache', 'proofload');
  expect(cacheFolder({ XDG_CACHE_HOME: 'cache' })).toBe(own);
  expect(cacheFolder({ XDG_CACHE_HOME: '' })).toBe(own);
  expect(cacheFolder({})).toBe(own);
});
