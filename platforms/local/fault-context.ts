/** What a fault of `faults/` acts on and looks at. */
import type { Network } from './network.ts';
import type { Replicas } from './replicas.ts';

export interface FaultContext {
  replicas: Replicas;
  network: Network;
  storePort: number;
  /** Where a pod's own link to the store listens; undefined when it has none (any more). */
  linkPort(uid: string): number | undefined;
  /** For a fault that ends by itself: how long its end is waited for. */
  recoversWithinMs: number;
  signal: AbortSignal;
}
