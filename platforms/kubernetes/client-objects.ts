/** Objects of any kind: read, list, change, remove, evict, watch. Each is one request, or a few where a list is long. */
import { z } from 'zod';
import { ApiError } from './cluster.ts';
import type { Cluster, KindRef, KubeObject, ObjectRef, Selection } from './cluster.ts';
import { groupPath } from './client-discovery.ts';
import type { Discovery } from './client-discovery.ts';
import { parsed } from './client-request.ts';
import type { Api } from './client-request.ts';
import { FIELD_MANAGER } from './labels.ts';

const PAGE_OBJECTS = 500;
const text = z.string();
const texts = z.record(text, text);
const ObjectMeta = z.looseObject({
  name: text,
  namespace: text.optional(),
  uid: text.optional(),
  resourceVersion: text.optional(),
  generation: z.number().optional(),
  creationTimestamp: text.nullish(),
  deletionTimestamp: text.optional(),
  deletionGracePeriodSeconds: z.number().optional(),
  labels: texts.optional(),
  annotations: texts.optional(),
  finalizers: z.array(text).optional(),
  ownerReferences: z
    .array(z.looseObject({ kind: text, name: text, uid: text, controller: z.boolean().optional() }))
    .optional(),
});
const Fields = z.looseObject({ apiVersion: text.optional(), kind: text.optional(), metadata: ObjectMeta });
const List = z.object({
  metadata: z.object({ resourceVersion: text.optional(), continue: text.optional() }),
  /** Null where a server of Go has an empty list. */
  items: z.array(z.unknown()).nullish(),
});

export interface Listed<T> {
  items: T[];
  /** To watch from. */
  resourceVersion: string;
}

export type Objects = Pick<Cluster, 'get' | 'list' | 'apply' | 'create' | 'patch' | 'remove' | 'evict'> & {
  listAll<T extends KubeObject>(kind: KindRef, selection: Selection): Promise<Listed<T>>;
  /** Path of a kind's collection. Throws ApiError (404, KindNotServed). */
  collection(what: string, kind: KindRef, namespace: string | undefined): Promise<string>;
};

/**
 * An object as the server gave it; items of a list do not repeat their kind. Only the metadata is looked at here: what
 * a caller knows of the kind (`as T`) is the caller's to check. Throws ApiError (status 0, Malformed).
 */
export function asObject(what: string, value: unknown, kind: KindRef): KubeObject {
  parsed(what, Fields, value);
  return { ...(value as object), apiVersion: kind.apiVersion, kind: kind.kind } as KubeObject;
}

export function describe({ apiVersion, kind, namespace, name }: KindRef & Partial<ObjectRef>): string {
  const place = [namespace, name].filter((part) => part !== undefined).join('/');
  return place === '' ? `${apiVersion} ${kind}` : `${apiVersion} ${kind} ${place}`;
}

export function createObjects(api: Api, discovery: Discovery): Objects {
  async function collection(what: string, kind: KindRef, namespace: string | undefined): Promise<string> {
    const resource = await discovery.find(kind);
    if (resource === undefined)
      throw new ApiError(
        `${what}: the cluster does not serve ${kind.apiVersion} ${kind.kind}`,
        404,
        'KindNotServed',
      );
    const inside =
      resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
    return `${groupPath(kind.apiVersion)}${inside}/${resource.name}`;
  }

  async function pathOf(what: string, ref: ObjectRef): Promise<string> {
    const resource = await discovery.find(ref);
    // Otherwise the request would go to the collection, and a DELETE there removes everything.
    if (resource?.namespaced === true && ref.namespace === undefined)
      throw new ApiError(`${what}: a ${ref.kind} is in a namespace, and none is named`, 0, 'NoNamespace');
    if (ref.name === '') throw new ApiError(`${what}: no name`, 0, 'NoName');
    return `${await collection(what, ref, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  }

  const refOf = ({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): ObjectRef =>
    namespace === undefined ? { apiVersion, kind, name } : { apiVersion, kind, name, namespace };

  async function listAll<T extends KubeObject>(kind: KindRef, selection: Selection): Promise<Listed<T>> {
    const what = `list ${describe({ ...kind, ...selection })}`;
    const path = await collection(what, kind, selection.namespace);
    const items: T[] = [];
    let next: string | undefined;
    let restarted = false;
    for (;;) {
      const { labelSelector, fieldSelector } = selection;
      const query = { labelSelector, fieldSelector, limit: String(PAGE_OBJECTS), continue: next };
      try {
        const { body } = await api.json({ what, method: 'GET', path, query, repeatable: true });
        const list = parsed(what, List, body);
        for (const item of list.items ?? []) items.push(asObject(what, item, kind) as T);
        next = list.metadata.continue;
        // `||`: the last page says `continue: ""`.
        if (!next) return { items, resourceVersion: list.metadata.resourceVersion ?? '' };
      } catch (error) {
        // The pages belong to one moment that the server has forgotten meanwhile: once more from the first.
        const expired = error instanceof ApiError && error.status === 410 && next !== undefined;
        if (!expired || restarted) throw error;
        restarted = true;
        next = undefined;
        items.length = 0;
      }
    }
  }

  return {
    collection,
    listAll,
    async get<T extends KubeObject>(ref: ObjectRef) {
      const what = `get ${describe(ref)}`;
      const path = await pathOf(what, ref);
      try {
        const { body } = await api.json({ what, method: 'GET', path, repeatable: true });
        return asObject(what, body, ref) as T;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
    async list<T extends KubeObject>(kind: KindRef, selection: Selection = {}) {
      return (await listAll<T>(kind, selection)).items;
    },
    async apply(object, options = {}) {
      const ref = refOf(object);
      const what = `apply ${describe(ref)}`;
      const { body } = await api.json({
        what,
        method: 'PATCH',
        path: await pathOf(what, ref),
        query: {
          fieldManager: FIELD_MANAGER,
          force: 'true',
          dryRun: options.dryRun === true ? 'All' : undefined,
        },
        body: object,
        // JSON is YAML; the type says server-side apply.
        contentType: 'application/apply-patch+yaml',
        repeatable: true,
      });
      return asObject(what, body, ref);
    },
    async create(object) {
      const ref = refOf(object);
      const what = `create ${describe(ref)}`;
      // Checked as a whole, also the name; the request itself goes to the collection.
      const path = (await pathOf(what, ref)).replace(/\/[^/]*$/, '');
      const query = { fieldManager: FIELD_MANAGER };
      const { body } = await api.json({ what, method: 'POST', path, query, body: object });
      return asObject(what, body, ref);
    },
    async patch(ref, change, subresource) {
      const what = `patch ${describe(ref)}${subresource === undefined ? '' : ` (${subresource})`}`;
      const path = await pathOf(what, ref);
      const { body } = await api.json({
        what,
        method: 'PATCH',
        path: subresource === undefined ? path : `${path}/${encodeURIComponent(subresource)}`,
        query: { fieldManager: FIELD_MANAGER },
        body: change,
        contentType: 'application/merge-patch+json',
      });
      // `scale` answers with a Scale, not with the object.
      return asObject(
        what,
        body,
        subresource === 'scale' ? { apiVersion: 'autoscaling/v1', kind: 'Scale' } : ref,
      );
    },
    async remove(ref, options = {}) {
      const what = `delete ${describe(ref)}`;
      try {
        await api.json({
          what,
          method: 'DELETE',
          path: await pathOf(what, ref),
          // With its uid it can be asked again: another object of that name is not hit.
          repeatable: options.uid !== undefined,
          body: {
            apiVersion: 'v1',
            kind: 'DeleteOptions',
            propagationPolicy: 'Background',
            ...(options.graceSeconds === undefined ? {} : { gracePeriodSeconds: options.graceSeconds }),
            ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
          },
        });
        return 'accepted';
      } catch (error) {
        // A kind that is not served (any more) has no objects.
        if (error instanceof ApiError && error.status === 404) return 'absent';
        throw error;
      }
    },
    async evict(namespace, pod) {
      const what = `evict v1 Pod ${namespace}/${pod}`;
      const path = await pathOf(what, { apiVersion: 'v1', kind: 'Pod', name: pod, namespace });
      try {
        await api.json({
          what,
          method: 'POST',
          path: `${path}/eviction`,
          body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } },
          // Whether and when to ask again is the caller's: a refusal is an observation.
          keep429: true,
        });
        return { result: 'accepted', message: `${what}: accepted` };
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 429) return { result: 'refused', message: error.message };
        if (error.status === 404) return { result: 'absent', message: error.message };
        throw error;
      }
    },
  };
}
