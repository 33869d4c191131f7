/** The reference system as one container image for its three Deployments, by the name that the manifests use. */
import type { ImageRecipe } from '../../../record/image.ts';

export const images: readonly ImageRecipe[] = [
  {
    name: 'docker.io/library/event-pipeline:v1',
    files: [
      { kind: 'shell' },
      { kind: 'program', program: 'node', at: '/usr/bin/node' },
      { kind: 'bundle', entry: 'reference/server.ts', at: '/app/server.js' },
    ],
    entrypoint: ['/usr/bin/node', '/app/server.js'],
    env: { PATH: '/usr/bin:/bin', NODE_ENV: 'production' },
    user: 1000,
  },
];
