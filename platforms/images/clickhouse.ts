/** ClickHouse's engine behind its HTTP interface as an image (platforms/stores/clickhouse); what it cannot do is in docs/images.md. */
import type { Recipe } from './rootfs.ts';

const HOME = '/usr/lib/clickhouse';
const NATIVE = `node_modules/@chdb/lib-${process.platform}-${process.arch}-gnu`;

/** `chdb` is the folder of platforms/images/chdb.ts. The tag is the engine's major version. */
export function clickhouseRecipe(chdb: string): Recipe {
  return {
    name: 'docker.io/library/proofload-clickhouse:26',
    files: [
      { kind: 'shell' },
      { kind: 'program', program: 'node', at: '/usr/bin/node' },
      {
        kind: 'tree',
        from: chdb,
        at: HOME,
        programs: [`${NATIVE}/chdb_node.node`, `${NATIVE}/libchdb.so`],
        takes: (file) => /(\.c?js|\.node|\.so|package\.json)$/.test(file),
      },
      { kind: 'bundle', entry: 'platforms/stores/clickhouse/server.ts', at: `${HOME}/server.cjs` },
      { kind: 'folder', at: '/var/lib/clickhouse', mode: 0o1777 },
    ],
    entrypoint: ['/usr/bin/node', `${HOME}/server.cjs`],
    // Below the place of the volume, whose root belongs to another user.
    env: {
      PATH: '/usr/bin:/bin',
      CHDB_FOLDER: HOME,
      CLICKHOUSE_DATA: '/var/lib/clickhouse/data',
      LC_ALL: 'C',
      TZ: 'UTC',
    },
    user: 101,
  };
}
