import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, servicesOf } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A Phoenix release without the variables it starts with';
export const severity = 'warning';

/** What only an Elixir release or a Phoenix endpoint is given. */
const RELEASE = /^(RELEASE_(NODE|COOKIE|NAME|DISTRIBUTION)|PHX_(HOST|PORT)|SECRET_KEY_BASE|ERL_.*)$/;
const NEEDED = ['PHX_SERVER', 'SECRET_KEY_BASE'];

/** The runtime.exs that phx_new writes: the HTTP server starts only with PHX_SERVER, and production raises without SECRET_KEY_BASE. */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) => {
    if (servicesOf(set, workload).length === 0) return [];
    return runningContainers(workload).flatMap(({ container, path }) => {
      const names = container.env.map(({ name = '' }) => name);
      // What comes from elsewhere may be among these.
      if (container.envFrom.length > 0 || !names.some((name) => RELEASE.test(name))) return [];
      const missing = NEEDED.filter((name) => !names.includes(name));
      if (missing.length === 0) return [];
      return [
        finding(
          workload.manifest,
          [...path, 'env'],
          `Container ${container.name} gets variables of an Elixir release and no ${missing.join(' and no ')}: a Phoenix application then ${missing.includes('SECRET_KEY_BASE') ? 'does not start in production' : 'listens on no port'}, unless its image sets them.`,
          `Set ${missing.join(' and ')}${missing.includes('PHX_SERVER') ? ' (PHX_SERVER=true, or start it with bin/server)' : ''}.`,
        ),
      ];
    });
  });
}
