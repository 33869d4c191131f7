/** The pods of a load's runners as they come, get ready and end. What a Job or a TestRun says of itself is not asked: it forgets exit codes. */
import type { Cluster } from '../cluster.ts';
import { conditionOf, type PodObject, readPod, type Terminated } from '../pod-shape.ts';
import { CONTAINER } from './job.ts';

export interface PodEnd {
  exitCode: number | null;
  signal: string | null;
  why: string;
}

export interface RunnerPod {
  pod: string;
  uid: string;
  /** Its container runs or ran: it has a log. */
  started: boolean;
  ready: boolean;
  /** Why it is not ready, in the words of the API; empty when it says nothing. */
  waiting: string;
  end: PodEnd | null;
}

export interface RunnerPods {
  get(runner: string): RunnerPod | undefined;
  /** Resolves with what `look` returns when that is not null; asked now and after each change. Rejects with what it throws, and when the signal is aborted. */
  until<T>(look: () => T | null, signal: AbortSignal): Promise<T>;
  stop(): void;
}

const INDEX = 'batch.kubernetes.io/job-completion-index';
const JOB_NAME = 'batch.kubernetes.io/job-name';

/** Which runner a pod is: by its index in an Indexed Job, else by the name of its own Job. Null for an operator's other pods. */
function runnerOf({ metadata: { labels } }: PodObject, names: readonly string[]): string | null {
  const index = labels[INDEX];
  const name = index === undefined ? labels[JOB_NAME] : names[Number(index)];
  return name !== undefined && names.includes(name) ? name : null;
}

/** Watches the pods of that selection. A gap of the watch is told; what ended meanwhile is seen when it is back. */
export function watchRunnerPods(options: {
  cluster: Cluster;
  namespace: string;
  labelSelector: string;
  names: readonly string[];
  gap: (fromMs: number, toMs: number, why: string) => void;
}): RunnerPods {
  const { cluster, namespace, labelSelector, names, gap } = options;
  const pods = new Map<string, RunnerPod>();
  const listeners = new Set<() => void>();
  let failed: Error | null = null;
  const tell = () => {
    for (const listener of listeners) listener();
  };

  const watched = cluster.watch(
    { apiVersion: 'v1', kind: 'Pod' },
    { namespace, labelSelector },
    {
      changed(type, object) {
        let pod: PodObject;
        try {
          pod = readPod(object);
        } catch (error) {
          failed = asError(error);
          tell();
          return;
        }
        const runner = runnerOf(pod, names);
        if (runner === null) return;
        const before = pods.get(runner);
        // The first pod of a runner is the runner: another one in its place would begin anew, and is never released.
        if (before !== undefined && before.uid !== pod.metadata.uid) return;
        const now = shape(pod);
        if (before?.end) now.end = before.end;
        else if (type === 'DELETED') now.end ??= gone(pod.metadata.name);
        pods.set(runner, now);
        tell();
      },
      gap,
    },
  );
  watched.synced.catch((error: unknown) => {
    failed = asError(error);
    tell();
  });

  return {
    get: (runner) => pods.get(runner),
    until: <T>(look: () => T | null, signal: AbortSignal) =>
      new Promise<T>((resolve, reject) => {
        const settle = () => {
          listeners.delete(ask);
          signal.removeEventListener('abort', ask);
        };
        const ask = () => {
          let found: T | null;
          try {
            found = look();
          } catch (error) {
            settle();
            reject(asError(error));
            return;
          }
          if (found !== null) {
            settle();
            resolve(found);
          } else if (failed !== null || signal.aborted) {
            settle();
            reject(failed ?? asError(signal.reason));
          }
        };
        listeners.add(ask);
        signal.addEventListener('abort', ask);
        ask();
      }),
    stop: () => watched.stop(),
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

function shape(pod: PodObject): RunnerPod {
  const { status, metadata } = pod;
  const container = status.containerStatuses.find(({ name }) => name === CONTAINER);
  const { running, terminated, waiting } = container?.state ?? {};
  const scheduled = conditionOf(pod, 'PodScheduled');
  const words = [
    waiting?.reason,
    waiting?.message,
    ...(scheduled?.status === 'False' ? [scheduled.reason, scheduled.message] : []),
  ];
  return {
    pod: metadata.name,
    uid: metadata.uid,
    started: running !== undefined || terminated !== undefined,
    ready: running !== undefined && conditionOf(pod, 'Ready')?.status === 'True',
    waiting: words.filter((word) => word !== undefined && word !== '').join(': '),
    end: terminated === undefined ? endOfPod(pod) : endOfContainer(terminated),
  };
}

/** The end of a pod that was taken away before its container could say how it ended. */
function endOfPod({ metadata, status }: PodObject): PodEnd | null {
  if (status.phase !== 'Failed' && status.phase !== 'Succeeded') return null;
  const words = [status.reason, status.message].filter(Boolean).join(': ') || `phase ${status.phase}`;
  return { exitCode: null, signal: null, why: `pod ${metadata.name} ended without an exit code: ${words}` };
}

/** Exit codes above 128 are signals, as a shell counts them. */
function endOfContainer({ exitCode, reason }: Terminated): PodEnd {
  if (exitCode === 137) {
    const why =
      reason === 'OOMKilled'
        ? 'k6 was killed: it needed more memory than its limit (OOMKilled)'
        : 'k6 was killed by SIGKILL (kill -9, or the node was out of memory)';
    return { exitCode, signal: 'SIGKILL', why };
  }
  if (exitCode === 143) return { exitCode, signal: 'SIGTERM', why: 'k6 was ended by SIGTERM' };
  return { exitCode, signal: null, why: K6_EXITS[exitCode] ?? `k6 ended with exit code ${exitCode}` };
}

/** Meaning of k6's exit codes (grafana/k6, errext/exitcodes at v2.2.0); 2 is Go's own, 126 and 127 are the shell's. */
const K6_EXITS: Record<number, string> = {
  0: 'k6 ended',
  2: 'k6 crashed',
  103: 'k6 was stopped through its REST API',
  104: 'k6 refused the options of the script',
  105: 'k6 was stopped by a signal',
  106: 'k6 could not open its REST API',
  107: 'the script threw an error while k6 started',
  108: 'the script aborted the test',
  109: 'k6 panicked',
  126: 'k6 cannot be run in the image',
  127: 'k6 is not in the image',
};

function gone(pod: string): PodEnd {
  return {
    exitCode: null,
    signal: null,
    why: `pod ${pod} is gone, and its exit code with it: it was deleted while k6 ran`,
  };
}
