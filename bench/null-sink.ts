/**
 * Program for bench/k6.ts: takes HTTP/1.1 POSTs whole and answers each that all points were taken. It knows no more of HTTP than that,
 * so that the client is what is measured. Prints its port, and ends with its standard input.
 */
import { createServer, type Socket } from 'node:net';

const points = process.argv[2] ?? '0';
const body = JSON.stringify({ accepted: Number(points) });
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);
const HEAD_END = '\r\n\r\n';
const HEAD_LIMIT_BYTES = 16 * 1024;

function serve(socket: Socket): void {
  let head = Buffer.alloc(0);
  let bodyLeft = 0;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (data: Buffer) => {
    let rest = data;
    while (rest.length > 0) {
      if (bodyLeft === 0) {
        head = Buffer.concat([head, rest]);
        const end = head.indexOf(HEAD_END);
        if (end === -1) {
          if (head.length > HEAD_LIMIT_BYTES) socket.destroy();
          return;
        }
        bodyLeft = Number(/\r\ncontent-length: (\d+)/i.exec(head.toString('latin1', 0, end))?.[1] ?? 0);
        rest = head.subarray(end + HEAD_END.length);
        head = Buffer.alloc(0);
      }
      const taken = Math.min(bodyLeft, rest.length);
      bodyLeft -= taken;
      rest = rest.subarray(taken);
      if (bodyLeft === 0) socket.write(ANSWER);
    }
  });
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});
process.stdin.on('end', () => process.exit(0)).resume();
