/** What the local platform does not play, with the reason: a rehearsal says what it leaves out. */
import { fieldName } from './located.ts';
import type { Located } from './located.ts';

/** Shape of the history's `unplayed` event, without its time. */
export interface Unplayed {
  file: string;
  line: number;
  object: string;
  field: string;
  why: string;
}

const ONE_MACHINE = 'there is one machine and nothing to place';
const PROGRAM = "the program of the system's contract runs in place of the image";

/** By the last word of the field. */
const WHY: Record<string, string> = {
  affinity: ONE_MACHINE,
  topologySpreadConstraints: ONE_MACHINE,
  nodeSelector: ONE_MACHINE,
  tolerations: ONE_MACHINE,
  priorityClassName: ONE_MACHINE,
  resources: 'requests and limits are not enforced on processes',
  securityContext: 'processes run as the user who runs Proofload',
  serviceAccountName: 'there is no API server to act towards',
  automountServiceAccountToken: 'there is no API server to act towards',
  image: PROGRAM,
  imagePullSecrets: PROGRAM,
  command: PROGRAM,
  args: PROGRAM,
  initContainers: 'only the container that the contract names is started',
  volumes: 'files are not mounted',
  volumeMounts: 'files are not mounted',
  exec: 'commands are not run inside a process',
  tcpSocket: 'only httpGet is played',
  grpc: 'only httpGet is played',
  sessionAffinity: 'every connection goes to a random ready endpoint',
  resourceFieldRef: 'resources are not enforced on processes',
};

/** Bookkeeping that changes nothing a client could notice, here or in a cluster. */
const SILENT =
  /^(apiVersion|kind|status|type)$|^metadata\b|\.metadata\.(annotations|name|namespace)$|\.(imagePullPolicy|revisionHistoryLimit)$/;

/** A field that says what is so anyway. */
const DEFAULTS: Record<string, unknown> = {
  sessionAffinity: 'None',
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  protocol: 'TCP',
  scheme: 'HTTP',
  successThreshold: 1,
  type: 'ClusterIP',
};

/**
 * Every field of `node` that its schema did not take over into `parsed`, at the highest level at which it is missing.
 * Schemas that are compared this way must not rename fields.
 */
export function unread(
  node: Located,
  parsed: unknown,
  object: string,
  at: readonly PropertyKey[] = [],
): Unplayed[] {
  if (Array.isArray(node.value)) {
    if (!Array.isArray(parsed)) return [];
    return node.value.flatMap((child, i) => unread(child, parsed[i], object, [...at, i]));
  }
  if (!(node.value instanceof Map) || typeof parsed !== 'object' || parsed === null) return [];
  const found: Unplayed[] = [];
  for (const [key, child] of node.value) {
    if (child.value === null) continue;
    const below = [...at, key];
    if (Object.hasOwn(parsed, key)) found.push(...unread(child, Reflect.get(parsed, key), object, below));
    else if (!SILENT.test(fieldName(below)) && !(key in DEFAULTS && DEFAULTS[key] === child.value))
      found.push(
        leftOut(child, object, fieldName(below), WHY[key] ?? 'the local platform does not play this field'),
      );
  }
  return found;
}

/** One object or field that is left out, with its place. */
export function leftOut(node: Located, object: string, field: string, why: string): Unplayed {
  return { file: node.file, line: node.line, object, field, why };
}
