/** The objects of a system's manifests with an overlay laid over them. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import { badInput, find, overlay, readYaml, shownPath } from './located.ts';
import type { Located } from './located.ts';

export interface ManifestObject {
  kind: string;
  name: string;
  /** `Deployment luminate`, for messages. */
  title: string;
  node: Located;
}

/** Reads `manifests/*.yaml` and, if asked, `overlays/<overlay>.yaml` of a system's folder. Throws UsageError. */
export function readManifests(systemDir: string, overlayName: string | undefined): ManifestObject[] {
  const folder = path.join(systemDir, 'manifests');
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /\.ya?ml$/.test(file)) : [];
  if (files.length === 0)
    throw new UsageError(`${shownPath(folder)}: no manifests; put the system's *.yaml there`);
  const objects = files.sort().flatMap((file) => readYaml(path.join(folder, file)).map(identify));
  rejectDoubles(objects);
  if (overlayName === undefined) return objects;
  return readYaml(overlayFile(systemDir, overlayName)).map(identify).reduce(lay, objects);
}

function identify(node: Located): ManifestObject {
  const kind = find(node, ['kind'])?.value;
  const name = find(node, ['metadata', 'name'])?.value;
  if (typeof kind !== 'string' || typeof name !== 'string')
    throw badInput(node, 'object', '', 'has no kind or no metadata.name; every manifest needs both');
  return { kind, name, title: `${kind} ${name}`, node };
}

/** Two objects of one kind and name overwrite each other. Throws UsageError. */
export function rejectDoubles(objects: readonly ManifestObject[]): void {
  const seen = new Map<string, ManifestObject>();
  for (const object of objects) {
    const first = seen.get(object.title);
    if (first !== undefined)
      throw badInput(
        object.node,
        object.title,
        '',
        `defined a second time; first in ${first.node.file}:${first.node.line}`,
      );
    seen.set(object.title, object);
  }
}

function overlayFile(systemDir: string, overlayName: string): string {
  const folder = path.join(systemDir, 'overlays');
  const file = path.join(folder, `${overlayName}.yaml`);
  if (/^[a-z0-9][a-z0-9-]*$/.test(overlayName) && existsSync(file)) return file;
  const known = existsSync(folder) ? readdirSync(folder).map((entry) => entry.replace(/\.yaml$/, '')) : [];
  throw new UsageError(
    `${shownPath(file)}: no overlay "${overlayName}"; ${known.length === 0 ? 'the system has none' : `there is: ${known.join(', ')}`}`,
  );
}

function lay(objects: ManifestObject[], patch: ManifestObject): ManifestObject[] {
  const index = objects.findIndex((object) => object.title === patch.title);
  if (index === -1) {
    const known = objects.map((object) => object.title).join(', ');
    throw badInput(
      patch.node,
      patch.title,
      '',
      `the overlay changes an object that no manifest has; there is: ${known}`,
    );
  }
  return objects.map((object, i) =>
    i === index ? { ...object, node: laid(object.node, patch.node) } : object,
  );
}

/** `$patch: replace` puts the whole object in the place of the other, as in a strategic merge patch of Kubernetes. */
function laid(base: Located, patch: Located): Located {
  if (!(patch.value instanceof Map) || find(patch, ['$patch'])?.value !== 'replace')
    return { ...overlay(base, patch), line: base.line };
  return { ...patch, value: new Map([...patch.value].filter(([key]) => key !== '$patch')) };
}
