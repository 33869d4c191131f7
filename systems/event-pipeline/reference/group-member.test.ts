import { Readable } from 'node:stream';
import { Consumer } from '@platformatic/kafka';
import { expect, it, vi } from 'vitest';
import { liveAsMember } from './group-member.ts';

it('ends the life, not the process, when the client cannot join again', async () => {
  // A client that joins at once and reads nothing.
  const stream = new Readable({ objectMode: true, read: () => undefined });
  const consume = vi.spyOn(Consumer.prototype, 'consume').mockResolvedValue(stream as never);
  const stop = vi.fn();
  let opened: (() => void) | undefined;
  const reads = new Promise<void>((resolve) => (opened = resolve));
  const life = liveAsMember({
    url: new URL('kafka://127.0.0.1:9092'),
    signal: new AbortController().signal,
    open: () => {
      opened?.();
      return { add: () => Promise.resolve(), finish: () => Promise.resolve(), stop };
    },
  });
  const ended = expect(life).rejects.toThrow('Connection closed');
  await reads;
  const [client] = consume.mock.contexts;
  if (!(client instanceof Consumer)) throw new Error('no client was made');
  client.emit('error', new Error('Connection closed'));
  await ended;
  expect(stop).toHaveBeenCalledOnce();
  // When the life is over, too.
  expect(() => client.emit('error', new Error('again'))).not.toThrow();
  vi.restoreAllMocks();
});
