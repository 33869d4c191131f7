/** What each of the three programs is: started once, stopped once. */
export interface Program {
  /** Rejects when it cannot run at all. */
  start(): Promise<void>;
  /** Resolves when everything it accepted is dealt with. */
  stop(): Promise<void>;
}
