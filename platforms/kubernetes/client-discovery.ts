/** What the server serves: kinds, their names in paths, and what may be done with them. */
import { z } from 'zod';
import { ApiError } from './cluster.ts';
import type { KindRef } from './cluster.ts';
import { parsed } from './client-request.ts';
import type { Api } from './client-request.ts';

const Resource = z.object({
  /** `pods`, `pods/status` */
  name: z.string(),
  kind: z.string(),
  namespaced: z.boolean(),
  verbs: z.array(z.string()),
});
export type Resource = z.infer<typeof Resource>;
const ResourceList = z.object({ resources: z.array(Resource) });
const Version = z.object({ groupVersion: z.string() });
const GroupList = z.object({
  groups: z.array(z.object({ name: z.string(), preferredVersion: Version, versions: z.array(Version) })),
});

export interface Discovery {
  /** Undefined when it is not served. Throws ApiError. */
  find(kind: KindRef): Promise<Resource | undefined>;
  deletable(): Promise<{ kinds: (KindRef & { namespaced: boolean })[]; unknown: string[] }>;
}

export function groupPath(apiVersion: string): string {
  const parts = apiVersion.split('/').map(encodeURIComponent);
  return parts.length === 1 ? `/api/${parts[0]}` : `/apis/${parts.join('/')}`;
}

export function createDiscovery(api: Api): Discovery {
  const known = new Map<string, Promise<Resource[]>>();

  async function read(apiVersion: string): Promise<Resource[]> {
    const what = `discover ${apiVersion}`;
    try {
      const { body } = await api.json({
        what,
        method: 'GET',
        path: groupPath(apiVersion),
        repeatable: true,
      });
      return parsed(what, ResourceList, body).resources;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
  }

  function resources(apiVersion: string, fresh: boolean): Promise<Resource[]> {
    const before = known.get(apiVersion);
    if (before !== undefined && !fresh) return before;
    const reading = read(apiVersion);
    known.set(apiVersion, reading);
    // A failure is not kept: the next one asks again.
    reading.catch(() => {
      if (known.get(apiVersion) === reading) known.delete(apiVersion);
    });
    return reading;
  }

  return {
    async find({ apiVersion, kind }) {
      const among = (list: Resource[]) =>
        list.find((resource) => resource.kind === kind && !resource.name.includes('/'));
      const wasKnown = known.has(apiVersion);
      const found = among(await resources(apiVersion, false));
      // A custom resource may have been installed since.
      if (found !== undefined || !wasKnown) return found;
      return among(await resources(apiVersion, true));
    },
    async deletable() {
      const what = 'discover API groups';
      const { body } = await api.json({ what, method: 'GET', path: '/apis', repeatable: true });
      const groups = parsed(what, GroupList, body).groups.map(({ preferredVersion, versions }) => [
        ...new Set([preferredVersion, ...versions].map(({ groupVersion }) => groupVersion)),
      ]);
      const answers = await Promise.allSettled(
        [['v1'], ...groups].map(async (versions) => {
          const kinds = new Map<string, KindRef & { namespaced: boolean }>();
          for (const apiVersion of versions)
            for (const { name, kind, namespaced, verbs } of await resources(apiVersion, true))
              if (!name.includes('/') && verbs.includes('list') && verbs.includes('delete'))
                if (!kinds.has(kind)) kinds.set(kind, { apiVersion, kind, namespaced });
          return [...kinds.values()];
        }),
      );
      return {
        kinds: answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
        unknown: answers.flatMap((answer, i) =>
          answer.status === 'fulfilled' ? [] : [(i === 0 ? 'v1' : groups[i - 1]?.[0]) ?? ''],
        ),
      };
    },
  };
}
