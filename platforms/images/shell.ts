/** What every image has that is not one lone static program: a shell, small tools, users, a folder for temporary files. */
import { findProgram, runProgram } from './programs.ts';
import type { RootfsEntry } from './rootfs.ts';

/**
 * `nc -z` for a busybox that was built without it (Debian's): connect, run nothing, end. Where busybox knows -z, it is asked.
 * The program to run has to come last: busybox takes everything behind it for its arguments.
 */
const NC = `#!/bin/sh
case "$(/bin/busybox nc --help 2>&1)" in *[!a-z]-z*) exec /bin/busybox nc "$@" ;; esac
scan=
for word do
  shift
  if [ "$word" = -z ]; then scan=1; else set -- "$@" "$word"; fi
done
[ "$scan" ] && exec /bin/busybox nc "$@" -e /bin/true
exec /bin/busybox nc "$@"
`;

function textFile(at: string, text: string, mode = 0o644): RootfsEntry {
  return { kind: 'text', at, text, mode };
}

/**
 * The shell is this machine's own, not busybox's: that one runs its own tools without looking at PATH, so `sh -c 'nc -z ...'` would
 * end with 1, as if nobody listened, where it is only an option that is not known.
 */
export async function shellEntries(user: number, signal: AbortSignal): Promise<RootfsEntry[]> {
  const busybox = findProgram('busybox');
  const { stdout } = await runProgram(busybox, ['--list'], { signal });
  const tools = stdout.split('\n').filter((tool) => /^[a-z0-9[_-]+$/.test(tool));
  return [
    { kind: 'program', at: '/bin/sh', from: findProgram('/bin/sh') },
    { kind: 'program', at: '/bin/busybox', from: busybox },
    ...tools
      .filter((tool) => !['busybox', 'sh', 'nc'].includes(tool))
      .map((tool): RootfsEntry => ({ kind: 'link', at: `/bin/${tool}`, to: 'busybox' })),
    textFile('/bin/nc', NC, 0o755),
    textFile('/etc/passwd', `root:x:0:0::/:/bin/sh\nuser:x:${user}:${user}::/tmp:/bin/sh\n`),
    textFile('/etc/group', `root:x:0:\nuser:x:${user}:\n`),
    textFile('/etc/hosts', '127.0.0.1 localhost\n::1 localhost\n'),
    textFile('/etc/nsswitch.conf', 'hosts: files dns\n'),
    { kind: 'folder', at: '/tmp', mode: 0o1777 },
  ];
}
