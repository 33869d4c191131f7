/** One step of a rolling update, as the Deployment controller decides it (pkg/controller/deployment/rolling.go). Pure. */
export interface RolloutState {
  replicas: number;
  maxSurge: number;
  maxUnavailable: number;
  /** Pods that are not terminating. `available` = ready for minReadySeconds. */
  newPods: number;
  newAvailable: number;
  oldAvailable: number;
  oldUnavailable: number;
}

export interface RolloutStep {
  create: number;
  /** Old pods that are not available go first: they serve nobody. */
  deleteOldUnavailable: number;
  deleteOldAvailable: number;
}

/**
 * Never more than replicas + maxSurge pods that are not terminating; never fewer than replicas - maxUnavailable available
 * ones because of a deletion.
 */
export function rolloutStep(state: RolloutState): RolloutStep {
  const old = state.oldAvailable + state.oldUnavailable;
  const total = state.newPods + old;
  const room = Math.max(0, state.replicas + state.maxSurge - total);
  const create = Math.min(room, Math.max(0, state.replicas - state.newPods));

  const mustStay = state.replicas - state.maxUnavailable;
  const newUnavailable = state.newPods - state.newAvailable;
  const mayGo = Math.max(0, total - mustStay - newUnavailable);
  const deleteOldUnavailable = Math.min(state.oldUnavailable, mayGo);
  const spare = Math.max(0, state.newAvailable + state.oldAvailable - mustStay);
  const deleteOldAvailable = Math.min(state.oldAvailable, spare, mayGo - deleteOldUnavailable);
  return { create, deleteOldUnavailable, deleteOldAvailable };
}
