/** What a fault's proof looks at: connections made afresh, as a client would make them. */
import net from 'node:net';

/** SSLRequest: length 8, code 80877103. The server answers one byte, S or N (PostgreSQL protocol 3, "SSL Session Encryption"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** A handshake on the loopback takes a millisecond; silence for this long is a cut. */
export const SILENCE_MS = 500;

type Contact = { answered: true; ms: number } | { answered: false; why: string };

/** Asks a PostgreSQL server for TLS and waits for its one-byte answer; nothing is logged in and nothing changes. */
export function postgresHandshake(port: number, timeoutMs: number): Promise<Contact> {
  return contact(port, timeoutMs, (socket, done) => {
    socket.write(SSL_REQUEST);
    socket.once('data', (answer) => {
      const byte = String(answer).charAt(0);
      done(byte === 'N' || byte === 'S' ? undefined : `answered ${JSON.stringify(byte)}`);
    });
    socket.once('end', () => done('closed without an answer'));
  });
}

/** Does somebody accept connections on this port? */
export function accepts(port: number, timeoutMs: number): Promise<Contact> {
  return contact(port, timeoutMs, (_socket, done) => done());
}

function contact(
  port: number,
  timeoutMs: number,
  onConnect: (socket: net.Socket, done: (failure?: string) => void) => void,
): Promise<Contact> {
  return new Promise((resolve) => {
    const beganMs = performance.now();
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    const done = (failure?: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(
        failure === undefined
          ? { answered: true, ms: performance.now() - beganMs }
          : { answered: false, why: failure },
      );
    };
    const timer = setTimeout(() => done(`no answer within ${timeoutMs} ms`), timeoutMs);
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.once('connect', () => onConnect(socket, done));
  });
}

/** The first that did not answer, or answered as slowly as a target would, in words. */
export async function firstFailure(
  contacts: readonly (readonly [string, Promise<Contact>])[],
  slowMs = Infinity,
): Promise<string | undefined> {
  for (const [name, pending] of contacts) {
    const seen = await pending;
    if (!seen.answered) return `${name}: ${seen.why}`;
    if (seen.ms >= slowMs) return `${name}: answered after ${seen.ms.toFixed(1)} ms`;
  }
  return undefined;
}
