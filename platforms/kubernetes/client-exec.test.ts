import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createConnection } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { execIn, exitOf } from './client-exec.ts';
import { forwardTo } from './client-forward.ts';

/** One channel's message as an unmasked WebSocket frame (RFC 6455, section 5.2), short ones only. */
function frame(channel: number, data: string | Buffer): Buffer {
  const payload = Buffer.concat([Buffer.from([channel]), Buffer.from(data)]);
  return Buffer.concat([Buffer.from([0x82, payload.length]), payload]);
}
const CLOSE = Buffer.from([0x88, 0x02, 0x03, 0xe8]);

/** Payload of a short masked frame, as a client sends them. */
function unmasked(bytes: Buffer): Buffer {
  const mask = bytes.subarray(2, 6);
  const length = (bytes[1] ?? 0) & 0x7f;
  return Buffer.from(bytes.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
}

let server: Server;
let config: KubeConfig;
let paths: string[];
let onSocket: (socket: Duplex) => void;
const sockets = new Set<Duplex>();

beforeEach(async () => {
  paths = [];
  server = createServer();
  server.on('upgrade', (request, socket: Duplex) => {
    paths.push(request.url ?? '');
    sockets.add(socket);
    socket.on('error', () => undefined);
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n` +
        `Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n`,
    );
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'mock', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'mock' },
  );
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server.close();
});

const TARGET = { namespace: 'shop', pod: 'a', container: 'main' };
const exec = (timeoutMs = 5_000) => execIn(config)(TARGET, ['cat', 'a b', '$x'], { timeoutMs });
const FAILED = {
  status: 'Failure',
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: '3' }] },
};

test('output of both kinds and the exit code; the words of the command stay apart', async () => {
  onSocket = (socket) => {
    socket.write(frame(1, 'out'));
    socket.write(frame(2, 'err'));
    socket.write(frame(1, 'put'));
    socket.write(frame(3, JSON.stringify(FAILED)));
  };
  expect(await exec()).toEqual({ exitCode: 3, stdout: 'output', stderr: 'err' });
  const url = new URL(paths[0] ?? '', 'http://mock');
  expect(url.pathname).toBe('/api/v1/namespaces/shop/pods/a/exec');
  expect(url.searchParams.getAll('command')).toEqual(['cat', 'a b', '$x']);
  expect(url.searchParams.get('container')).toBe('main');
  onSocket = (socket) => socket.write(frame(3, '{"status":"Success"}'));
  expect((await exec()).exitCode).toBe(0);
});

test('a connection that ends before the program has no exit code, and keeps what was heard', async () => {
  onSocket = (socket) => {
    socket.write(frame(1, 'half'));
    socket.end(CLOSE);
  };
  expect(await exec()).toEqual({ exitCode: null, stdout: 'half', stderr: '' });
});

test('a program that could not be run, and one that does not end', async () => {
  onSocket = (socket) =>
    socket.write(frame(3, '{"status":"Failure","reason":"InternalError","message":"no such file"}'));
  await expect(exec()).rejects.toMatchObject({
    name: 'ApiError',
    reason: 'InternalError',
    message: 'exec cat in v1 Pod shop/a: no such file',
  });
  let closed: Promise<unknown> | undefined;
  onSocket = (socket) => {
    // The server's side of the socket may stay half open: its end is what the client decides.
    closed = new Promise((resolve) => socket.once('end', resolve));
    socket.resume();
  };
  await expect(exec(60)).rejects.toThrow('exec cat in v1 Pod shop/a: not done within 60 ms');
  // Nothing is left open.
  await closed;
});

test('reads the exit code of a status, and nothing else for one', () => {
  expect(exitOf({ status: 'Success' })).toBe(0);
  expect(exitOf(FAILED)).toBe(3);
  expect(exitOf({ status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: 'x' }] } })).toEqual({
    reason: 'Unknown',
    message: 'no reason given',
  });
  expect(exitOf('nonsense')).toMatchObject({ reason: 'Malformed' });
});

test('a forwarded port passes bytes both ways and ends with the pod', async () => {
  onSocket = (socket) => {
    // Both channels begin with the port, little-endian.
    socket.write(frame(0, Buffer.from([80, 0])));
    socket.write(frame(1, Buffer.from([80, 0])));
    socket.once('data', (bytes: Buffer) => {
      const payload = unmasked(bytes);
      socket.write(frame(0, `pod heard ${payload.subarray(1).toString()}`));
      socket.end(CLOSE);
    });
  };
  const forwarded = await forwardTo(config)({ namespace: 'shop', pod: 'a', port: 80 });
  const client = createConnection(forwarded.port, '127.0.0.1', () => client.write('ping'));
  let heard = '';
  client.on('data', (bytes) => (heard += bytes.toString()));
  await once(client, 'close');
  expect(heard).toBe('pod heard ping');
  expect(paths).toEqual(['/api/v1/namespaces/shop/pods/a/portforward?ports=80']);
  await forwarded.close();
});

test('a port that the pod refuses is a reset, and close cuts what is open', async () => {
  onSocket = (socket) => {
    socket.write(frame(0, Buffer.from([80, 0])));
    socket.write(frame(1, Buffer.from([80, 0])));
    socket.write(frame(1, 'connection refused'));
  };
  const forwarded = await forwardTo(config)({ namespace: 'shop', pod: 'a', port: 80 });
  const refused = createConnection(forwarded.port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
  onSocket = (socket) => socket.resume();
  const open = createConnection(forwarded.port, '127.0.0.1');
  open.on('error', () => undefined);
  await once(open, 'connect');
  await forwarded.close();
  if (!open.closed) await once(open, 'close');
});

test.each([
  ['502 Bad Gateway', true],
  ['401 Unauthorized', true],
  ['404 Not Found', false],
  ['500 Internal Server Error', false],
])('a connection that ends in %s was not carried to the pod: %s', async (status, wasNot) => {
  server.removeAllListeners('upgrade');
  server.on('upgrade', (_, socket: Duplex) => socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`));
  const told: string[] = [];
  const unasked = (why: string) => void told.push(why);
  const forwarded = await forwardTo(config)({ namespace: 'shop', pod: 'a', port: 80, unasked });
  const client = createConnection(forwarded.port, '127.0.0.1');
  client.on('error', () => undefined);
  await new Promise((resolve) => client.once('close', resolve));
  expect(told).toEqual(wasNot ? [expect.stringContaining('port-forward to v1 Pod shop/a:80: ')] : []);
  await forwarded.close();
});

test('a way that does not open in time was not carried to the pod, nor one to a server that is away', async () => {
  server.removeAllListeners('upgrade');
  server.on('upgrade', (_, socket: Duplex) => void sockets.add(socket));
  const told: string[] = [];
  const unasked = (why: string) => void told.push(why);
  const silent = await forwardTo(config)({ namespace: 'shop', pod: 'a', port: 80, unasked });
  const client = createConnection(silent.port, '127.0.0.1');
  client.on('error', () => undefined);
  await vi.waitFor(() => expect(told).toEqual([expect.stringContaining('not open after 900 ms')]), {
    timeout: 3_000,
  });
  for (const socket of sockets) socket.destroy();
  server.close();
  await vi.waitFor(() => expect(server.listening).toBe(false));
  const again = createConnection(silent.port, '127.0.0.1');
  again.on('error', () => undefined);
  await new Promise((resolve) => again.once('close', resolve));
  expect(told.length).toBeGreaterThan(1);
  await silent.close();
});
