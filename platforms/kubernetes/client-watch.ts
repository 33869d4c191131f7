/**
 * The API's watch as a source for the reflector. The library's `Watch` is not used: it cannot be ended before the server
 * answers, swallows exceptions of its callback and drops what the server says when it refuses.
 */
import { z } from 'zod';
import { ApiError } from './cluster.ts';
import type { KindRef, KubeObject, Selection } from './cluster.ts';
import { splitLines } from './client-lines.ts';
import { asObject, describe } from './client-objects.ts';
import type { Objects } from './client-objects.ts';
import { parsed } from './client-request.ts';
import type { Api } from './client-request.ts';
import type { WatchEvent, WatchSource } from './reflector.ts';

/** etcd takes objects of 1.5 MiB; as text in an event they may be a little longer. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

const Bookmark = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const Status = z.object({
  code: z.number().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
});
const Event = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED']), object: z.unknown() }),
  z.object({ type: z.literal('BOOKMARK'), object: Bookmark }),
  z.object({ type: z.literal('ERROR'), object: Status }),
]);

export function watchSource<T extends KubeObject>(
  api: Api,
  objects: Objects,
  kind: KindRef,
  selection: Selection,
): WatchSource<T> {
  const what = `watch ${describe({ ...kind, ...selection })}`;

  async function* events(body: AsyncIterable<Buffer>): AsyncGenerator<WatchEvent<T>> {
    for await (const line of splitLines(body, MAX_EVENT_CHARS)) {
      if (line === '') continue;
      const { type, object } = parsed(what, Event, parseJson(what, line));
      if (type === 'ERROR') {
        const { code = 0, reason = 'Unknown', message = 'no reason given' } = object;
        throw new ApiError(`${what}: ${code} ${reason}: ${message}`, code, reason);
      }
      if (type === 'BOOKMARK') yield { type, resourceVersion: object.metadata.resourceVersion };
      else yield { type, object: asObject(what, object, kind) as T };
    }
  }

  return {
    list: () => objects.listAll<T>(kind, selection),
    async watch(resourceVersion, watchMs, signal) {
      const body = await api.stream(
        {
          what,
          method: 'GET',
          path: await objects.collection(what, kind, selection.namespace),
          query: {
            watch: 'true',
            allowWatchBookmarks: 'true',
            timeoutSeconds: String(Math.ceil(watchMs / 1_000)),
            resourceVersion,
            labelSelector: selection.labelSelector,
            fieldSelector: selection.fieldSelector,
          },
        },
        signal,
      );
      return events(body);
    },
  };
}

function parseJson(what: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new ApiError(`${what}: an event is not JSON`, 0, 'Malformed', error);
  }
}
