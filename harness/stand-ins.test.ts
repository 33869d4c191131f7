import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { NewEvent } from '../record/writer.ts';
import { noteStandIns } from './stand-ins.ts';

const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function store(headers: Record<string, string>): Promise<string> {
  const server = http.createServer((_, response) => response.writeHead(200, headers).end('Ok.\n'));
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function notes(storeEnv: Record<string, string>): Promise<string[]> {
  const events: NewEvent[] = [];
  const writer = { emit: (event: NewEvent) => void events.push(event) };
  await noteStandIns({ platform: { storeEnv: () => storeEnv }, writer } as never);
  return events.map((event) => (event.kind === 'note' ? event.text : event.kind));
}

it('names a store that is a stand-in, once, with its engine', async () => {
  const url = await store({ 'x-proofload-engine': 'chdb 26.1.3.1' });
  const told = await notes({ EVENTS_URL: url, SAME_URL: url });
  expect(told).toHaveLength(1);
  expect(told[0]).toContain('its engine (chdb 26.1.3.1)');
});

it('says nothing of a server, of another protocol, and of what does not answer', async () => {
  const server = await store({});
  expect(await notes({ A: server, B: 'kafka://127.0.0.1:1', C: 'http://127.0.0.1:1' })).toEqual([]);
});
