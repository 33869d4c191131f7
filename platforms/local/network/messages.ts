/** What the platform and its network process say to each other over the IPC channel. */

/** What happens to the bytes of one direction of a link. */
export type Effect =
  { kind: 'open' } | { kind: 'cut' } | { kind: 'delay'; latencyMs: number; jitterMs: number };

export type Command =
  /** Which ports a new connection to the Service may go to; none closes the listener. */
  | { do: 'service'; port: number; endpoints: number[] }
  | { do: 'link-open'; link: string; port: number; targetPort: number }
  | { do: 'link-close'; link: string }
  | { do: 'link-effect'; link: string; toTarget: Effect; fromTarget: Effect };

export interface Request {
  id: number;
  command: Command;
}

/** `error` is absent when the command is in effect. Id 0: the process is ready. */
export interface Reply {
  id: number;
  error?: string;
}

/** Both ends are this project's own; the guards only keep a stray message out. */
export function isRequest(message: unknown): message is Request {
  return typeof message === 'object' && message !== null && 'id' in message && 'command' in message;
}

export function isReply(message: unknown): message is Reply {
  return typeof message === 'object' && message !== null && 'id' in message;
}
