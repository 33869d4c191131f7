/** PodChaos: pod-kill, pod-failure and container-kill. Their proofs connect to the pods' ports and look at what became of the pods. */
import type { FaultObservation, PreparedFault } from '../../platform.ts';
import type { Deployed } from '../cluster.ts';
import { chaosLife, chaosObject } from './chaos.ts';
import type { ChaosLife } from './chaos.ts';
import type { ChaosFile } from './chaos-file.ts';
import { keepsFiles, startWithinMs } from './comeback.ts';
import { allThenNone, firstDeaf, goneAndRefusing, podOf, portOf, selects } from './pod.ts';
import type { PodFacts } from './pod.ts';
import { aimAt } from './targets.ts';
import type { Aimed } from './targets.ts';
import { until } from './wait.ts';

/** Until the controller has looked at the object and the node has done its part, milliseconds. */
const CONTROLLER_MS = 10_000;
/** A port that is silent for longer does not answer, milliseconds. */
const SILENCE_MS = 1_000;

interface Blow {
  deployed: Deployed;
  aimed: Aimed;
  life: ChaosLife;
  /** For the end of a fault that ends by itself, milliseconds. */
  recoversWithinMs: number;
  /** Its end was waited for once; a second `heal` does not wait again. */
  waited: boolean;
}

/** Throws CannotRun when no pod can be aimed at. */
export function podChaos(
  deployed: Deployed,
  file: ChaosFile,
  planned: { forMs?: number | undefined; slotMs: number },
  random: () => number,
): PreparedFault {
  const { effect } = file;
  const aimed = aimAt(deployed, file.aim, random, file.name);
  const object = chaosObject(
    deployed,
    file,
    { pods: aimed.pods },
    effect.action === 'pod-failure' ? planned.forMs : undefined,
  );
  const blow = {
    deployed,
    aimed,
    life: chaosLife(deployed, object, aimed.pods),
    // The slot is planned by the workload's probes; a store's own may let it take longer.
    recoversWithinMs: Math.max(
      planned.slotMs,
      ...aimed.pods.map((pod) => CONTROLLER_MS + pod.graceMs + startWithinMs(pod)),
    ),
    waited: false,
  };
  const share = `${aimed.pods.length} of ${aimed.pods.length + aimed.spared.length} pods`;
  if (effect.action === 'container-kill') return containerKill(blow, effect.containers, share);
  if (effect.action === 'pod-failure') return podFailure(blow, share);
  return podKill(blow, effect.action === 'pod-kill' ? effect.graceSeconds : 0, share);
}

async function answers(deployed: Deployed, pod: PodFacts): Promise<boolean> {
  const port = portOf(deployed, pod);
  return port !== undefined && deployed.connects(pod.object, port, SILENCE_MS);
}

async function seen(blow: Blow, acting: boolean, detail: string): Promise<FaultObservation> {
  const deaf = await firstDeaf(blow.deployed, blow.aimed.spared, SILENCE_MS);
  const says = acting ? '' : await blow.life.says();
  return { acting, detail: `${detail}${says}`, ...(deaf !== undefined && { elsewhere: deaf }) };
}

/** Takes the object away, then waits for all replicas; an interrupted run does not wait. */
async function removeAndRecover(
  blow: Blow,
  recovered: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  if (!blow.life.injected()) return;
  await blow.life.remove();
  const { signal } = blow.deployed;
  if (blow.waited) return;
  blow.waited = true;
  if (!(await until(recovered, { timeoutMs: blow.recoversWithinMs, signal })) && !signal.aborted)
    throw new Error(`${what}: not recovered ${Math.round(blow.recoversWithinMs / 1_000)} s after its end`);
}

/** A store without a volume of its own loses all it holds by this fault: that is no finding about the system. */
function lossOf({ deployed, aimed }: Blow): string {
  const losers = aimed.pods.filter((pod) => !selects(deployed.labels, pod.labels) && !keepsFiles(pod));
  if (losers.length === 0) return '';
  return `; no volume outlives ${losers.map(({ name }) => name).join(', ')}, so what is stored there is lost by this`;
}

/** Acting from the victims' end until as many pods are Ready as there have to be. */
function podKill(blow: Blow, graceSeconds: number, share: string): PreparedFault {
  const { deployed, aimed, life } = blow;
  const victims = aimed.pods;
  const isHealthy = () => {
    const areGone = victims.every(({ uid }) => podOf(deployed, uid) === undefined);
    return areGone && aimed.ready() >= aimed.wanted();
  };
  return {
    targets: victims.map(({ name }) => name),
    actsWithinMs: CONTROLLER_MS + graceSeconds * 1_000,
    detail: `pod-kill, ${graceSeconds === 0 ? 'without grace' : `grace ${graceSeconds} s`}, ${share}${lossOf(blow)}`,
    inject: () => life.inject(),
    heal: () => removeAndRecover(blow, isHealthy, 'pod-kill'),
    async observe() {
      const gone = await goneAndRefusing(deployed, victims, SILENCE_MS);
      const ready = aimed.ready();
      const acting = gone === victims.length && ready < aimed.wanted();
      const detail = `${gone} of ${victims.length} killed pods gone, ${ready} of ${aimed.wanted()} replicas ready`;
      return seen(blow, acting, detail);
    },
  };
}

/** The image is another one for a while: acting from the moment all refuse and none is Ready, until all answer and are Ready again. */
function podFailure(blow: Blow, share: string): PreparedFault {
  const { deployed, aimed, life } = blow;
  const isActing = allThenNone();
  const failed = async () => {
    const looks = await Promise.all(
      aimed.pods.map(async ({ uid }) => {
        const pod = podOf(deployed, uid);
        // A pod that was replaced in the meantime is no longer the fault's: only its replacement's readiness counts, below.
        return pod !== undefined && !pod.ready && !(await answers(deployed, pod));
      }),
    );
    return looks.filter(Boolean).length;
  };
  return {
    targets: aimed.pods.map(({ name }) => name),
    // The kubelet ends the real containers gently before it starts the other image: their preStop hooks and grace period count.
    actsWithinMs: CONTROLLER_MS + Math.max(...aimed.pods.map(({ graceMs }) => graceMs)),
    detail: `pod-failure, the containers run a pause image, ${share}`,
    // Each to the other image, and back.
    restartsEach: 2 * Math.max(...aimed.pods.map(({ containers }) => containers.length)),
    inject: () => life.inject(),
    heal: () =>
      removeAndRecover(
        blow,
        async () => (await failed()) === 0 && aimed.ready() >= aimed.wanted(),
        'pod-failure',
      ),
    async observe() {
      const hit = await failed();
      const ready = aimed.ready();
      const acting = isActing(hit, aimed.pods.length);
      return seen(
        blow,
        acting,
        `${hit} of ${aimed.pods.length} pods refuse and are not Ready, ${ready} of ${aimed.wanted()} replicas ready`,
      );
    },
  };
}

/**
 * Over in a moment, perhaps between two looks: the restart count is the trace it leaves. The first look that finds every container
 * restarted, or every port refusing, sees it acting; it is gone when the same pods answer and are Ready.
 */
function containerKill(blow: Blow, containers: readonly string[], share: string): PreparedFault {
  const { deployed, aimed, life } = blow;
  let told = false;
  const look = async () => {
    const looks = await Promise.all(
      aimed.pods.map(async (before) => {
        const pod = podOf(deployed, before.uid);
        const restarted =
          pod !== undefined &&
          containers.every((name) => (pod.restarts[name] ?? 0) > (before.restarts[name] ?? 0));
        return {
          restarted,
          back: restarted && pod.ready && (await answers(deployed, pod)),
          refuses: pod !== undefined && !(await answers(deployed, pod)),
        };
      }),
    );
    const count = (of: 'restarted' | 'back' | 'refuses') => looks.filter((one) => one[of]).length;
    return { restarted: count('restarted'), back: count('back'), refuses: count('refuses') };
  };
  const all = aimed.pods.length;
  return {
    targets: aimed.pods.map(({ name }) => name),
    detail: `container-kill of ${containers.join(', ')}, SIGKILL, ${share}`,
    restartsEach: containers.length,
    inject: () => life.inject(),
    heal: () => removeAndRecover(blow, async () => (await look()).back === all, 'container-kill'),
    async observe() {
      const { restarted, back, refuses } = await look();
      const hit = restarted === all || refuses === all;
      const acting = hit && (!told || back < all);
      told ||= acting;
      return seen(
        blow,
        acting,
        `${restarted} of ${all} restarted, ${refuses} refuse, ${back} are back and Ready`,
      );
    },
  };
}
