import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { contacts, makeFixture } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { isHalfOpen, oneWayLook } from './one-way.ts';
import { podsWith } from './pod.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
/** A listener, and a connection from 10.99.0.2 to port 7001 that is half open, as Linux 6.18 printed them. */
const LISTEN6 =
  '   0: 00000000000000000000000000000000:1B59 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 29 1';
const HALF6 =
  '   1: 0000000000000000FFFF00000100630A:1B59 0000000000000000FFFF00000200630A:BD3C 03 00000000:00000000 01:00000042 00000001     0        0 0 1';
const HALF4 =
  '   1: 0100630A:1B59 0200630A:BD3C 03 00000000:00000000 01:00000042 00000001     0        0 0 1';

test.each([
  ['tcp6', HALF6],
  ['tcp', HALF4],
])('a half-open connection is found in %s, and no other', (_, line) => {
  const table = `${HEAD}${LISTEN6}\n${line}\n`;
  expect(isHalfOpen(table, '10.99.0.2', 7_001)).toBe(true);
  expect(isHalfOpen(table, '10.99.0.3', 7_001)).toBe(false);
  expect(isHalfOpen(table, '10.99.0.2', 7_002)).toBe(false);
  expect(isHalfOpen(table.replace(' 03 ', ' 01 '), '10.99.0.2', 7_001)).toBe(false);
  expect(isHalfOpen(`${HEAD}${LISTEN6}\n`, '10.99.0.2', 7_001)).toBe(false);
});

test('any address and port are read as the kernel prints them', () => {
  const little = (ip: string) => {
    const bytes = Buffer.from(ip.split('.').map(Number));
    return bytes.readUInt32LE().toString(16).toUpperCase().padStart(8, '0');
  };
  const property = fc.property(fc.ipV4(), fc.integer({ min: 1, max: 65_535 }), (ip, port) => {
    const local = `00000000:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    expect(isHalfOpen(`   0: ${local} ${little(ip)}:1234 03 0:0`, ip, port)).toBe(true);
  });
  fc.assert(property, { seed: 7 });
});

let f: Fixture;
/** Who can be connected to before the cut, and the half-open connections at each pod. */
const world = { cut: false, tables: new Map<string, string>() };
beforeEach(() => {
  f = makeFixture();
  world.cut = false;
  world.tables.clear();
  f.cluster.run = (pod, command) =>
    command[0] === 'cat'
      ? { stdout: `${HEAD}${world.tables.get(pod) ?? ''}\n` }
      : contacts(command, { silent: () => world.cut });
});
const look = (cut: 'to' | 'from') =>
  oneWayLook(
    f.deployed,
    { selected: podsWith(f.deployed, { app: 'app' }), target: podsWith(f.deployed, { app: 'store' }) },
    cut,
  );
/** `10.0.0.x:port` as the kernel prints it. */
const at = (last: number, port: number) =>
  `${last.toString(16).padStart(2, '0').toUpperCase()}00000A:${port.toString(16).padStart(4, '0').toUpperCase()}`;
const APP = 10;
const STORE = 13;

test('what is sent is cut: first packets of the other end arrive', async () => {
  const ask = await look('to');
  world.cut = true;
  world.tables.set('app-0', `   1: ${at(APP, 8_080)} ${at(STORE, 4_000)} 03 x`);
  expect(await ask()).toEqual({
    bothCut: false,
    detail: 'first packets from store-0 to app-0 arrive, so one direction alone is cut',
  });
});

test('what comes back is cut: first packets of the pods arrive', async () => {
  const ask = await look('from');
  world.cut = true;
  world.tables.set('store-0', `   1: ${at(STORE, 5_432)} ${at(APP, 4_000)} 03 x`);
  expect((await ask()).detail).toContain('from app-0 to store-0 arrive');
});

test('both are cut where nothing arrives, and the other one where it is the wrong end that hears', async () => {
  const ask = await look('to');
  world.cut = true;
  world.tables.set('store-0', `   1: ${at(STORE, 5_432)} ${at(APP, 4_000)} 03 x`);
  expect(await ask()).toEqual({ bothCut: true, detail: 'first packets from store-0 to app-0 do not arrive' });
});

test('where nobody can be asked, that is said and nothing is held against it', async () => {
  f.cluster.run = () => ({ exitCode: 127 });
  const seen = await (await look('to'))();
  expect(seen.bothCut).toBe(false);
  expect(seen.detail).toContain(
    'whether the other way is open could not be looked at: from inside store-0 no connection',
  );
  f.cluster.run = (_, command) => (command[0] === 'cat' ? { exitCode: 1 } : contacts(command));
  expect((await (await look('to'))()).detail).toContain('/proc/net/tcp of app-0 cannot be read');
});
