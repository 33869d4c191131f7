/**
 * `proofload.yaml` in the working directory: which clusters may be disturbed, and when a run has to stop.
 * A cluster that is not named there is never changed: a fault aimed by a forgotten `current-context` must not happen.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseDurationMs } from '../../record/duration.ts';
import { UsageError } from '../../record/model.ts';
import { badInput, parseLocated, readYaml, shownPath } from '../manifests/located.ts';

export const SETTINGS_FILE = 'proofload.yaml';

const name = z.string().min(1);

const AllowedContext = z.strictObject({
  /** As in the kubeconfig. */
  name,
  /** Address of its API server; guards against a context of the same name in another kubeconfig. */
  server: name.optional(),
  /** Absent: any. */
  namespaces: z.array(name).min(1).optional(),
});

/** A run that does more harm than this to what it is attached to heals its faults and stops. */
const Guards = z.strictObject({
  /** Share of the writes, 0 to 1, that have to be acknowledged. */
  served: z.number().min(0).max(1).optional(),
  readyPods: z.number().int().nonnegative().optional(),
  /** For how long it may be worse, as `30s`. */
  for: z
    .string()
    .refine((text) => parseDurationMs(text) !== null, 'expected a duration such as 30s or 1m30s')
    .optional(),
});

const SettingsFile = z.strictObject({
  contexts: z.array(AllowedContext).optional(),
  guards: Guards.optional(),
});

export interface Settings {
  /** The file for messages, whether it exists or not. */
  file: string;
  contexts: z.infer<typeof AllowedContext>[];
  guards: { served?: number; readyPods?: number; forMs?: number };
}

/** `dir` is the working directory. Without the file nothing is allowed. Throws UsageError `file:line: what`. */
export function readSettings(dir: string): Settings {
  const file = path.join(dir, SETTINGS_FILE);
  const nothing: Settings = { file: shownPath(file), contexts: [], guards: {} };
  if (!existsSync(file)) return nothing;
  const [document, second] = readYaml(file);
  if (document === undefined) return nothing;
  if (second !== undefined)
    throw badInput(second, 'settings', '', 'a second document; everything belongs into the first');
  const { contexts = [], guards = {} } = parseLocated(SettingsFile, document, 'settings');
  const { served, readyPods, for: duration } = guards;
  const forMs = duration === undefined ? null : parseDurationMs(duration);
  return {
    ...nothing,
    contexts,
    guards: {
      ...(served === undefined ? {} : { served }),
      ...(readyPods === undefined ? {} : { readyPods }),
      ...(forMs === null ? {} : { forMs }),
    },
  };
}

/**
 * Whether this run may change things there. Throws UsageError of one line with the lines to add to the file.
 * `server` as the kubeconfig has it; without `namespace` the whole cluster is meant.
 */
export function checkAllowed(
  settings: Settings,
  target: { context: string; server: string; namespace?: string },
): void {
  const { context, server, namespace } = target;
  const named = settings.contexts.filter((allowed) => allowed.name === context);
  const here = named.filter(
    (allowed) => allowed.server === undefined || isSameServer(allowed.server, server),
  );
  if (
    here.some(
      ({ namespaces }) =>
        namespaces === undefined || (namespace !== undefined && namespaces.includes(namespace)),
    )
  )
    return;
  const { file } = settings;
  const quoted = JSON.stringify;
  // One line that is valid YAML, so that it can be pasted below `contexts:` as it is.
  const where = namespace === undefined ? '' : `, namespaces: [${quoted(namespace)}]`;
  const entry = `- {name: ${quoted(context)}, server: ${quoted(server)}${where}}`;
  if (here.length > 0 && namespace === undefined)
    throw new UsageError(
      `${file} allows context ${context} for some namespaces only, and a sweep is of the whole cluster; take "namespaces" away there for as long as it takes`,
    );
  if (here.length > 0)
    throw new UsageError(
      `${file} does not allow namespace ${namespace} of context ${context} (it allows ${here.flatMap(({ namespaces = [] }) => namespaces).join(', ')}); if this run may change it, add ${quoted(namespace)} to namespaces of that context`,
    );
  if (named.length > 0)
    throw new UsageError(
      `${file} allows context ${context} at ${named.map((allowed) => allowed.server).join(', ')}, but the kubeconfig leads to ${server}; choose the right kubeconfig, or add below "contexts:" the line: ${entry}`,
    );
  throw new UsageError(
    `${file} does not allow context ${context} (${server}); if this run may change it, add below "contexts:" the line: ${entry}`,
  );
}

/** `https://Host:443/` is `https://host`. */
function isSameServer(a: string, b: string): boolean {
  const plain = (server: string) => (URL.canParse(server) ? new URL(server).href : server);
  return plain(a) === plain(b);
}
