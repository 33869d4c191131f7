import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeFixture, memoryJournal, until } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { startNetwork } from './network.ts';
import type { Network } from './network.ts';
import type { Effect } from './network/messages.ts';
import { freePort } from './ports.ts';

const OPEN: Effect = { kind: 'open' };
const CUT: Effect = { kind: 'cut' };
let fixture: Fixture;
let network: Network;
const journal = memoryJournal();
const lost: string[] = [];
const servers: net.Server[] = [];

beforeAll(async () => {
  fixture = await makeFixture();
  network = await startNetwork({
    program: `${fixture.dir}/network.js`,
    runId: 'test-network',
    logFile: `${fixture.dir}/network.log`,
    undo: journal,
    onLost: (why) => lost.push(why),
  });
});
afterAll(async () => {
  await network.stop();
  expect(journal.open.size).toBe(0);
  expect(lost).toEqual([]);
  for (const server of servers) server.close();
  fixture.remove();
});

/** Echoes what it gets, after its own name if it has one; keeps what arrived. */
async function startEcho(
  name = '',
): Promise<{ port: number; received: () => string; connections: () => number }> {
  const port = await freePort();
  let received = '';
  let connections = 0;
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    connections += 1;
    if (name !== '') socket.write(name);
    socket.on('data', (chunk) => {
      received += String(chunk);
      socket.write(chunk);
    });
    socket.on('end', () => socket.end('bye'));
    socket.on('error', () => undefined);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { port, received: () => received, connections: () => connections };
}

/** A client that keeps what it gets. */
function dial(port: number) {
  const client = {
    socket: net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }),
    text: '',
    error: '',
    ended: false,
  };
  client.socket.on('data', (chunk) => (client.text += String(chunk)));
  client.socket.on('error', (error: NodeJS.ErrnoException) => (client.error = error.code ?? error.message));
  client.socket.on('end', () => (client.ended = true));
  return client;
}

/** Long enough for anything that was going to happen on the loopback. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 100));

describe('the Service', () => {
  test('spreads connections at random over its endpoints, and keeps established ones', async () => {
    const [one, two] = [await startEcho('1'), await startEcho('2')];
    await network.setEndpoints([one.port, two.port]);
    const clients = Array.from({ length: 60 }, () => dial(network.servicePort));
    await until('60 greetings', () => clients.every((client) => client.text !== ''));
    // 60 fair draws fall outside 12..48 once in 500,000 times.
    expect(one.connections()).toBeGreaterThan(11);
    expect(two.connections()).toBeGreaterThan(11);

    await network.setEndpoints([two.port]);
    const onOne = clients.find((client) => client.text === '1');
    onOne?.socket.write(' still');
    await until('the echo', () => onOne?.text === '1 still');
    const later = Array.from({ length: 10 }, () => dial(network.servicePort));
    await until('10 greetings', () => later.every((client) => client.text !== ''));
    expect(later.map((client) => client.text)).toEqual(Array(10).fill('2'));

    await network.setEndpoints([]);
    const refused = dial(network.servicePort);
    await until('the refusal', () => refused.error !== '');
    expect(refused.error).toBe('ECONNREFUSED');
    onOne?.socket.write('!');
    await until('the echo', () => onOne?.text === '1 still!');
    await network.setEndpoints([one.port]);
    const back = dial(network.servicePort);
    await until('the greeting', () => back.text === '1');
    for (const client of [...clients, ...later, back]) client.socket.destroy();
  });

  test('resets a client whose endpoint does not listen', async () => {
    await network.setEndpoints([await freePort()]);
    const client = dial(network.servicePort);
    await until('the reset', () => client.error !== '');
    expect(client.error).toBe('ECONNRESET');
  });

  test('carries a half-closed connection to its end, and megabytes without a loss', async () => {
    const echo = await startEcho();
    await network.setEndpoints([echo.port]);
    const client = dial(network.servicePort);
    const sent = 'x'.repeat(3_000_000);
    client.socket.end(sent);
    await until('the end', () => client.ended);
    expect(client.text.length).toBe(sent.length + 3);
    expect(client.text.endsWith('bye')).toBe(true);
  });
});

describe('a link', () => {
  let count = 0;
  const openLink = async () => {
    const store = await startEcho();
    const name = `link-${count++}`;
    const port = await network.openLink(name, store.port);
    const client = dial(port);
    client.socket.write('a');
    await until('the first echo', () => client.text === 'a');
    return { store, name, port, client };
  };

  test('cut both ways holds everything back and delivers it afterwards', async () => {
    const { store, name, port, client } = await openLink();
    await network.setEffect(name, CUT, CUT);
    client.socket.write('b');
    const late = dial(port);
    late.socket.write('late');
    const givenUp = dial(port);
    givenUp.socket.write('given up');
    await until('their handshakes', () => !late.socket.connecting && !givenUp.socket.connecting);
    givenUp.socket.destroy();
    await quiet();
    expect([client.text, client.error, late.text, late.error, store.received()]).toEqual([
      'a',
      '',
      '',
      '',
      'a',
    ]);
    await network.setEffect(name, OPEN, OPEN);
    await until('what was held', () => client.text === 'ab' && late.text === 'late');
    await quiet();
    expect(store.received()).not.toContain('given up'); // its SYN would never have arrived
    client.socket.destroy();
    late.socket.destroy();
  });

  test('cut towards the store loses no answer; cut from the store lets the request through', async () => {
    const { store, name, client } = await openLink();
    await network.setEffect(name, OPEN, CUT);
    client.socket.write('b');
    await until('the request', () => store.received() === 'ab');
    await quiet();
    expect(client.text).toBe('a');
    await network.setEffect(name, CUT, OPEN);
    await until('the answer', () => client.text === 'ab');
    client.socket.write('c');
    await quiet();
    expect(store.received()).toBe('ab');
    await network.setEffect(name, OPEN, OPEN);
    await until('the rest', () => client.text === 'abc');
    client.socket.destroy();
  });

  test('delays, keeps the order, and lets go of everything when the delay ends', async () => {
    const { name, client } = await openLink();
    const prompt = await openLink();
    await network.setEffect(name, { kind: 'delay', latencyMs: 150, jitterMs: 100 }, OPEN);
    for (const letter of 'bcdefgh') client.socket.write(letter);
    await until('all', () => client.text.length === 8);
    expect(client.text).toBe('abcdefgh');
    await network.setEffect(name, { kind: 'delay', latencyMs: 60_000, jitterMs: 0 }, OPEN);
    client.socket.end('i');
    prompt.client.socket.write('later');
    await until('what was sent later on a link without a delay', () => prompt.client.text === 'alater');
    expect(client.text).toBe('abcdefgh');
    await network.setEffect(name, OPEN, OPEN);
    await until('the end', () => client.ended);
    expect(client.text).toBe('abcdefghibye');
    prompt.client.socket.destroy();
  });

  test('a cut holds back what a delay before it had under way, until it ends', async () => {
    const { store, name, client } = await openLink();
    await network.setEffect(name, { kind: 'delay', latencyMs: 60_000, jitterMs: 0 }, OPEN);
    client.socket.end('b');
    await quiet(); // it is in the link now
    await network.setEffect(name, CUT, OPEN);
    await quiet();
    expect(store.received()).toBe('a');
    await network.setEffect(name, OPEN, OPEN);
    await until('the rest', () => client.ended);
    expect(client.text).toBe('abbye');
  });

  test('that is closed refuses, and a command to it is an error', async () => {
    const { name, port, client } = await openLink();
    await network.closeLink(name);
    await until('the end', () => client.socket.destroyed || client.ended);
    const refused = dial(port);
    await until('the refusal', () => refused.error === 'ECONNREFUSED');
    await expect(network.setEffect(name, CUT, CUT)).rejects.toThrow(/no link/);
  });
});
