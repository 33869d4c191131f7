/** The platform's hold on its network process. Every change is in effect when its promise resolves. */
import type { UndoJournal } from '../platform.ts';
import { isReply } from './network/messages.ts';
import type { Command, Effect } from './network/messages.ts';
import { freePort } from './ports.ts';
import { endsWithin, killAndWait, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';

const ANSWER_WITHIN_MS = 10_000;
const STOP_WITHIN_MS = 5_000;

export interface NetworkOptions {
  /** The built `platforms/local/network/main.ts`. */
  program: string;
  runId: string;
  logFile: string;
  undo: UndoJournal;
  /** The process ended though nobody asked it to. */
  onLost(why: string): void;
}

export interface Network {
  pid: number;
  /** New connections to the Service's port go to these ports; none = refused. */
  setEndpoints(ports: number[]): Promise<void>;
  servicePort: number;
  /** Opens a link to the target port and returns the port it listens on. */
  openLink(link: string, targetPort: number): Promise<number>;
  closeLink(link: string): Promise<void>;
  setEffect(link: string, toTarget: Effect, fromTarget: Effect): Promise<void>;
  /** Rejects when the process cannot even be killed. */
  stop(): Promise<void>;
}

/** Starts the network process. Rejects with the reason when it does not come up. */
export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const running: RunningProcess = startProcess({
    what: 'network',
    file: process.execPath,
    args: [options.program],
    env: { PATH: process.env['PATH'] ?? '' },
    runId: options.runId,
    logFile: options.logFile,
    undo: options.undo,
    ipc: true,
  });
  const { child } = running;
  const waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  let nextId = 1;
  let stopping = false;

  const answer = (id: number, what: string) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => settle(reject)(new Error(`network: no answer to ${what} within ${ANSWER_WITHIN_MS} ms`)),
        ANSWER_WITHIN_MS,
      );
      const settle =
        <A extends unknown[]>(then: (...args: A) => void) =>
        (...args: A) => {
          clearTimeout(timer);
          waiting.delete(id);
          then(...args);
        };
      waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
    });
  child.on('message', (message) => {
    if (!isReply(message)) return;
    const { id, error } = message;
    if (error === undefined) waiting.get(id)?.resolve();
    else waiting.get(id)?.reject(new Error(`network: ${error}`));
  });
  const watch = async () => {
    const { exitCode, signal } = await running.exited;
    const why = `the network process ended with ${signal ?? `code ${exitCode}`}; see ${options.logFile}`;
    for (const { reject } of waiting.values()) reject(new Error(why));
    if (!stopping) options.onLost(why);
  };
  void watch();

  const send = async (command: Command): Promise<void> => {
    if (running.gone() || !child.connected)
      throw new Error(`network: it is gone, ${command.do} cannot be done`);
    const id = nextId++;
    const answered = answer(id, command.do);
    child.send({ id, command }, () => undefined); // a failed send is seen as the exit
    await answered;
  };

  await answer(0, 'its start');
  const servicePort = await freePort();
  return {
    pid: running.pid,
    servicePort,
    setEndpoints: (endpoints) => send({ do: 'service', port: servicePort, endpoints }),
    async openLink(link, targetPort) {
      const port = await freePort();
      await send({ do: 'link-open', link, port, targetPort });
      return port;
    },
    closeLink: (link) => send({ do: 'link-close', link }),
    setEffect: (link, toTarget, fromTarget) => send({ do: 'link-effect', link, toTarget, fromTarget }),
    async stop() {
      stopping = true;
      if (child.connected) child.disconnect();
      if (!(await endsWithin(running, STOP_WITHIN_MS))) await killAndWait(running, 'the network process');
    },
  };
}
