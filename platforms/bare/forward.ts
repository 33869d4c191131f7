/**
 * Program: hands connections on, byte for byte, from one address to another; each is a path (Unix socket) or host:port. Two of them make the
 * way from this machine's loopback into a node: a Unix socket is the same in every network namespace, a port is not.
 */
import { rmSync } from 'node:fs';
import net from 'node:net';

const [from = '', to = ''] = process.argv.slice(2);

function address(text: string): net.NetConnectOpts {
  const port = /^(.+):(\d+)$/.exec(text);
  return port ? { host: port[1] ?? '', port: Number(port[2]) } : { path: text };
}

if (!/:\d+$/.test(from)) rmSync(from, { force: true });
net
  .createServer({ allowHalfOpen: true }, (client) => {
    const server = net.connect({ ...address(to), allowHalfOpen: true });
    // An end that breaks takes the other with it: a silent half would look like a silent server.
    client.once('error', () => server.destroy());
    server.once('error', () => client.destroy());
    client.once('close', () => server.destroy());
    server.once('close', () => client.destroy());
    client.pipe(server).pipe(client);
  })
  .listen(address(from));
