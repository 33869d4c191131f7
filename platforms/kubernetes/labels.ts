/** How an object says which run it belongs to. Nothing without this label is ever changed or removed, but for what a scenario names. */

/** Label of every object that a run makes; its value is the run id. */
export const RUN_LABEL = 'proofload.dev/run';
/** Label of the run's own Prometheus, which is no part of the system under test. */
export const PROMETHEUS_LABEL = 'proofload.dev/prometheus';
/** Annotation on an object that was there before and that a run changed for a while (a cordoned node); its value is the run id. */
export const CHANGED_BY = 'proofload.dev/changed-by';
/** Field manager of every server-side apply. */
export const FIELD_MANAGER = 'proofload';

export function runSelector(runId: string): string {
  return `${RUN_LABEL}=${runId}`;
}
