/** The manifests as they are played, for the evidence: what a verdict was computed from, whatever the files say later. */
import { stringify } from 'yaml';
import { plain } from './located.ts';
import type { ManifestObject } from './read.ts';

const REDACTED = '[redacted]';
/** Shorter ones would hit innocent text, as in record/writer.ts. */
const LEAST_LENGTH = 6;
/** kubectl leaves the whole object there, in clear. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * All objects with their overlay as one YAML file. What a Secret holds is left out, there and wherever `sensitive` values appear; of objects that
 * are somebody else's (`foreign`) the values of environment variables, too, since passwords are often among them.
 */
export function manifestsAsPlayed(
  objects: readonly ManifestObject[],
  sensitive: readonly string[],
  { foreign = false }: { foreign?: boolean } = {},
): string {
  const hidden = sensitive.filter((value) => value.length >= LEAST_LENGTH);
  const clean = (value: unknown, secret: boolean, key: string): unknown => {
    if (secret && ['data', 'stringData'].includes(key)) return redacted(value);
    if ((secret || foreign) && key === LAST_APPLIED) return REDACTED;
    if (foreign && key === 'env' && Array.isArray(value))
      return value.map((item) => clean(withoutValue(item), secret, ''));
    if (typeof value === 'string')
      return hidden.reduce((text, part) => text.replaceAll(part, REDACTED), value);
    if (Array.isArray(value)) return value.map((item) => clean(item, secret, ''));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, below]) => [name, clean(below, secret, name)]),
    );
  };
  return objects
    .map(
      ({ kind, node }) =>
        `# ${node.file}:${node.line}\n${stringify(clean(plain(node), kind === 'Secret', ''))}`,
    )
    .join('---\n');
}

/** One item of an `env` list, as it may be written down where it is somebody else's. */
export function withoutValue(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'value' in item ? { ...item, value: REDACTED } : item;
}

/** The keys stay: they tell which setting a Secret gives. */
function redacted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return REDACTED;
  return Object.fromEntries(Object.keys(value).map((key) => [key, REDACTED]));
}
