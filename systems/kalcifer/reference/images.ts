/** The reference system as a container image, by the name that the manifests use. Its store's image is Proofload's own. */
import type { ImageRecipe } from '../../../record/image.ts';

export const images: readonly ImageRecipe[] = [
  {
    name: 'docker.io/library/kalcifer:v1',
    files: [
      { kind: 'program', program: 'node', at: '/usr/bin/node' },
      { kind: 'bundle', entry: 'reference/server.ts', at: '/app/server.js' },
    ],
    entrypoint: ['/usr/bin/node', '/app/server.js'],
    env: { PATH: '/usr/bin', NODE_ENV: 'production' },
    user: 1000,
  },
];
