/**
 * Runs a command of ours inside node-a's network, where pods and Services have addresses, and in the cgroup that busy pods cannot
 * starve. Node cannot change its own namespaces, so the command is started once more from there.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { statSync } from 'node:fs';
import { CGROUP_HARNESS, NODE_A } from './layout.ts';
import { joining } from './node.ts';
import { runningState } from './state.ts';

/** Whether this process is in there already. */
export function isInside(): boolean {
  const place = statSync(`/run/netns/${NODE_A.netns}`, { throwIfNoEntry: false });
  return place !== undefined && statSync('/proc/self/ns/net').ino === place.ino;
}

/**
 * Starts this very command line again inside, and resolves with its exit code. It dies with this process, whatever ends it, and then its
 * watchdog heals. Throws UsageError when there is no cluster.
 */
export async function enterBare(): Promise<number> {
  const state = runningState();
  const [shell = 'sh', ...words] = joining(state.hierarchies, CGROUP_HARNESS);
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(
    shell,
    [
      ...words,
      'setpriv',
      '--pdeathsig',
      'KILL',
      'nsenter',
      `--net=/run/netns/${NODE_A.netns}`,
      '--',
      ...again,
    ],
    { stdio: 'inherit' },
  );
  const handOn = (signal: NodeJS.Signals) => child.kill(signal);
  // A terminal sends Ctrl-C to both; the command in there ends in its own good order, and this one waits for it.
  const wait = () => undefined;
  process.on('SIGINT', wait);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, handOn);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
