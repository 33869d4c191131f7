/** The store as an image: the same PostgreSQL from npm that the rehearsal starts, set up by its first start. */
import type { Recipe } from './rootfs.ts';

const HOME = '/usr/lib/postgresql';

/**
 * A cluster that was half made when the container was killed is thrown away: only a whole one gets its final name. Locales are the
 * server's own, since the image has none of libc's. Commits are durable; only initdb does not wait for the disk. Shared memory lies
 * in files, because a container has 64 MB of /dev/shm. The password goes through a file, since every process sees arguments.
 */
const START = `#!/bin/sh
set -eu
umask 077
if [ ! -e "$PGDATA" ]; then
  : "\${POSTGRES_PASSWORD:?must be set for the first start: the password of user postgres}"
  rm -rf "$PGDATA.new" "$PGDATA.password"
  printf %s "$POSTGRES_PASSWORD" > "$PGDATA.password"
  initdb -D "$PGDATA.new" --no-sync -E UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C \\
    -U postgres --auth=scram-sha-256 --pwfile="$PGDATA.password"
  rm "$PGDATA.password"
  echo 'host all all all scram-sha-256' >> "$PGDATA.new/pg_hba.conf"
  mv "$PGDATA.new" "$PGDATA"
fi
unset POSTGRES_PASSWORD
exec postgres -D "$PGDATA" -c 'listen_addresses=*' -c unix_socket_directories= -c max_wal_size=2GB \\
  -c dynamic_shared_memory_type=mmap -c max_connections=100 "$@"
`;

/** The port is open while the server still replays its log; the server's own word in its pid file is not too early. */
const READY = `#!/bin/sh
grep -q '^ready' "$PGDATA/postmaster.pid" && exec nc -z -w 1 127.0.0.1 5432
`;

/** `native` is the folder with bin, lib and share (platforms/local/postgres-programs.ts). The tag is PostgreSQL's major version. */
export function postgresRecipe(native: string): Recipe {
  return {
    name: 'docker.io/library/proofload-postgres:18',
    files: [
      { kind: 'shell' },
      {
        kind: 'tree',
        from: native,
        at: HOME,
        programs: ['bin/postgres', 'bin/initdb'],
        takes: (file) => !file.endsWith('.a') && !file.includes('pkgconfig'),
      },
      { kind: 'text', text: START, at: '/bin/start-postgres', mode: 0o755 },
      { kind: 'text', text: READY, at: '/bin/postgres-ready', mode: 0o755 },
      { kind: 'folder', at: '/var/lib/postgresql', mode: 0o1777 },
    ],
    entrypoint: ['/bin/start-postgres'],
    // Below the place of the volume: initdb has to set the mode of its folder, and a volume's root belongs to another user.
    env: { PATH: `${HOME}/bin:/usr/bin:/bin`, PGDATA: '/var/lib/postgresql/data', LC_ALL: 'C', TZ: 'UTC' },
    user: 999,
    // SIGTERM would wait for every client to leave; SIGINT is the fast shutdown.
    stopSignal: 'SIGINT',
  };
}
