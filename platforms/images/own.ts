/** The images that belong to no system: the pod sandbox of a bare cluster, the load runner, and a run's own Prometheus. */
import type { Recipe } from './rootfs.ts';

/** Holds a pod's namespaces open and collects its dead; for a containerd that can reach no registry. */
export const PAUSE: Recipe = {
  name: 'localhost/pause:1',
  files: [{ kind: 'program', program: 'catatonit', at: '/catatonit' }],
  entrypoint: ['/catatonit', '-P'],
  env: {},
  user: 65_535,
};

/** k6 with a shell beside it, for load from inside the cluster. The tag is k6's major version. */
export function runnerRecipe(k6: string): Recipe {
  return {
    name: 'docker.io/library/proofload-runner:2',
    files: [{ kind: 'shell' }, { kind: 'program', program: k6, at: '/usr/bin/k6' }],
    entrypoint: ['/usr/bin/k6'],
    env: { PATH: '/usr/bin:/bin', HOME: '/tmp', K6_NO_USAGE_REPORT: 'true' },
    user: 1000,
  };
}

/** As manifests name it; the tag is Prometheus' major version. */
export const PROMETHEUS_IMAGE = 'docker.io/library/proofload-prometheus:3';

/** For a cluster that can reach no registry. Entry point and user are those of the released image, so that pods differ by the name alone. */
export function prometheusRecipe(program: string): Recipe {
  return {
    name: PROMETHEUS_IMAGE,
    files: [{ kind: 'program', program, at: '/bin/prometheus' }],
    entrypoint: ['/bin/prometheus'],
    env: {},
    user: 65_534,
  };
}
