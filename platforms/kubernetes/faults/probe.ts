/**
 * Connections made from inside a pod, with whatever its image has: nothing is installed there, and the time is taken there too, so that
 * the way to the pod does not count.
 */
import { CannotRun } from '../../platform.ts';
import type { Cluster } from '../cluster.ts';
import type { PodFacts } from './pod.ts';
import { reason } from './wait.ts';

export interface Endpoint {
  host: string;
  port: number;
}

export interface Contact {
  endpoint: Endpoint;
  /** A TCP connection came about. */
  connected: boolean;
  /** Until it did or was given up, milliseconds; /proc/uptime counts hundredths of a second. */
  ms: number;
}

/** A connection that takes longer is given up, seconds. */
const GIVE_UP_S = 1;

/** All endpoints at once; `"$0"` stays `sh`. One line each: host, port, exit code, start and end in seconds. */
const shell = (connect: string, giveUpS: number) => `one() {
  read -r a b < /proc/uptime
  ${connect.replaceAll('GIVE_UP', String(giveUpS))}
  c=$?
  read -r d b < /proc/uptime
  echo "$h $p $c $a $d"
}
while [ $# -gt 1 ]; do h=$1; p=$2; one & shift 2; done
wait`;

const NODE = `const net = require('node:net');
for (let a = process.argv.slice(1); a.length > 1; a = a.slice(2)) {
  const [h, p] = a, t = performance.now() / 1000;
  const s = net.connect({ host: h, port: Number(p) });
  const end = (c) => { console.log(h, p, c, t.toFixed(3), (performance.now() / 1000).toFixed(3)); s.destroy(); };
  s.setTimeout(GIVE_UP * 1000);
  s.once('connect', () => end(0)).once('error', () => end(1)).once('timeout', () => end(1));
}`;

const PYTHON = `import socket, sys, threading, time
def one(h, p):
    t = time.monotonic()
    try:
        socket.create_connection((h, int(p)), GIVE_UP).close(); c = 0
    except OSError:
        c = 1
    print('%s %s %d %.3f %.3f\\n' % (h, p, c, t, time.monotonic()), end='', flush=True)
a = sys.argv[1:]
for i in range(0, len(a), 2):
    threading.Thread(target=one, args=(a[i], a[i + 1])).start()`;

/** An answer that is no HTTP, or an HTTP error, came over a connection all the same. */
const WGET = `out=$(timeout GIVE_UP wget -q -T GIVE_UP -O /dev/null "http://$h:$p/" 2>&1)
  case $? in 0|8) true;; *) case "$out" in *"error getting response"*|*"server returned error"*|*"HTTP/"*) true;; *) false;; esac;; esac`;

type Program = (giveUpS: number) => string[];
const sh =
  (connect: string): Program =>
  (giveUpS) => ['sh', '-c', shell(connect, giveUpS), 'sh'];
/** In order of preference; the second is for a BusyBox whose nc was built without -z. */
const TOOLS: Record<string, Program> = {
  nc: sh('nc -z -w GIVE_UP "$h" "$p" < /dev/null > /dev/null 2>&1'),
  'nc -e': sh('nc -w GIVE_UP "$h" "$p" -e true < /dev/null > /dev/null 2>&1'),
  bash: (giveUpS) => [
    'bash',
    '-c',
    shell(`timeout GIVE_UP bash -c ': < "/dev/tcp/$0/$1"' "$h" "$p" > /dev/null 2>&1`, giveUpS),
    'bash',
  ],
  node: (giveUpS) => ['node', '-e', NODE.replaceAll('GIVE_UP', String(giveUpS))],
  python3: (giveUpS) => ['python3', '-c', PYTHON.replaceAll('GIVE_UP', String(giveUpS))],
  wget: sh(WGET),
};
export const TOOL_NAMES = Object.keys(TOOLS);

export interface PodProbe {
  pod: PodFacts;
  /** Tries every endpoint once, all at the same time. Throws ApiError when the pod cannot be asked, Error when it answers nonsense. */
  connect(): Promise<Contact[]>;
}

/**
 * The first tool that reaches every endpoint from inside the pod, now, while nothing is broken: a tool that cannot would see a fault
 * where there is none. `slowestMs` is how long a connection may take because the fault makes it slow. Throws CannotRun naming the tools.
 */
export async function probeOf(
  cluster: Cluster,
  pod: PodFacts,
  endpoints: readonly Endpoint[],
  slowestMs = 0,
): Promise<PodProbe> {
  const giveUpS = GIVE_UP_S + Math.ceil(slowestMs / 1_000);
  const tried: string[] = [];
  for (const [tool, program] of Object.entries(TOOLS)) {
    const connect = async () => {
      const command = [...program(giveUpS), ...endpoints.flatMap(({ host, port }) => [host, String(port)])];
      const target = { namespace: pod.namespace, pod: pod.name, ...container(pod) };
      const { stdout, stderr, exitCode } = await cluster.exec(target, command, {
        timeoutMs: (giveUpS + 4) * 1_000,
      });
      return readContacts(
        stdout,
        endpoints,
        `${tool} ended with ${exitCode}: ${stderr.trim().slice(0, 200)}`,
      );
    };
    try {
      const silent = (await connect()).filter(({ connected }) => !connected);
      if (silent.length === 0) return { pod, connect };
      tried.push(`${tool} reached no ${silent.map(({ endpoint }) => shown(endpoint)).join(', ')}`);
    } catch (error) {
      tried.push(`${tool}: ${reason(error).slice(0, 120)}`);
    }
  }
  throw new CannotRun(
    `from inside ${pod.name} no connection to ${endpoints.map(shown).join(', ')} could be made before the fault, so the fault could not be proven; its image needs one of ${TOOL_NAMES.join(', ')}, and the other end has to listen (${tried.join('; ')})`,
  );
}

/** Sidecars share the network, so the first container will do; without a name the API asks which one. */
function container(pod: PodFacts): { container: string } | Record<string, never> {
  const first = pod.containers[0];
  return first ? { container: first.name } : {};
}

/** `host port code start end` a line, each endpoint once. Throws on anything less. */
export function readContacts(stdout: string, endpoints: readonly Endpoint[], context: string): Contact[] {
  const lines = stdout.split('\n').map((line) => line.trim().split(' '));
  return endpoints.map((endpoint) => {
    const line = lines.find(([host, port]) => host === endpoint.host && port === String(endpoint.port));
    const [code, startS, endS] = (line ?? []).slice(2).map(Number);
    if (code === undefined || startS === undefined || endS === undefined || !Number.isFinite(endS - startS))
      throw new Error(`no answer for ${shown(endpoint)} (${context})`);
    return { endpoint, connected: code === 0, ms: Math.max(0, Math.round((endS - startS) * 1_000)) };
  });
}

export const shown = ({ host, port }: Endpoint): string => `${host}:${port}`;
