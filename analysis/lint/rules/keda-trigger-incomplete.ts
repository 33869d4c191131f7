import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'A KEDA trigger without a setting it needs';
export const severity = 'error';

/** Settings without a default: keda.sh/docs, the pages of the scalers. */
const NEEDED: Record<string, readonly string[]> = {
  'nats-jetstream': ['natsServerMonitoringEndpoint', 'account', 'stream', 'consumer'],
  prometheus: ['serverAddress', 'query', 'threshold'],
  cpu: ['value'],
  memory: ['value'],
};

export function find({ scaledObjects }: ManifestSet): Finding[] {
  return scaledObjects.flatMap(({ manifest, spec }) =>
    spec.triggers.flatMap(({ type = '', metadata, authenticationRef }, index) => {
      // A TriggerAuthentication may bring the missing ones.
      if (authenticationRef !== undefined || !Object.hasOwn(NEEDED, type)) return [];
      const missing = (NEEDED[type] ?? []).filter(
        (name) => !Object.hasOwn(metadata, name) && !Object.hasOwn(metadata, `${name}FromEnv`),
      );
      if (missing.length === 0) return [];
      return [
        finding(
          manifest,
          ['spec', 'triggers', index],
          `The trigger ${type} lacks ${missing.join(', ')}, so KEDA cannot build its scaler: this trigger never fires.`,
          `Set ${missing.join(', ')} in the trigger's metadata.`,
        ),
      ];
    }),
  );
}
