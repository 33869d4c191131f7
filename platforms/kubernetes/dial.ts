/** Does something accept connections there? */
import net from 'node:net';

/** True when a TCP connection to `host:port` is accepted within `timeoutMs`; it is closed at once. */
export type Dial = (host: string, port: number, timeoutMs: number) => Promise<boolean>;

export const dial: Dial = (host, port, timeoutMs) =>
  attempt(host, port, timeoutMs, (socket, end) => socket.once('connect', () => end(true)));

/**
 * For a listener that accepts everything and closes when there is nothing behind it (a port-forward): true when what is behind it
 * says anything. It is asked in HTTP; a server that speaks something else and closes without a word counts as not there.
 */
export const dialThrough: Dial = (host, port, timeoutMs) =>
  attempt(host, port, timeoutMs, (socket, end) => {
    socket.once('connect', () => socket.write('HEAD / HTTP/1.0\r\n\r\n'));
    socket.once('data', () => end(true));
    socket.once('close', () => end(false));
  });

function attempt(
  host: string,
  port: number,
  timeoutMs: number,
  listen: (socket: net.Socket, end: (seen: boolean) => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const end = (seen: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(seen);
    };
    const timer = setTimeout(() => end(false), timeoutMs);
    socket.once('error', () => end(false));
    listen(socket, end);
  });
}
