/** What the image of Kafka is made of, in the user's cache: the jars that tools/kafka pins, and a Java cut down to what they need. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import { cacheFolder, ROOT } from '../../record/root.ts';
import { keep } from '../kept.ts';
import { findProgram, runProgram } from './programs.ts';

const TOOL = path.join(ROOT, 'tools', 'kafka');
const FETCH_LIMIT_MS = 10 * 60_000;
const LEAST_JAVA = 17;

/** As jdeps names them, and what is only looked for at run time: sasl, security, compression. */
const JAVA_MODULES = [
  'java.base',
  'java.compiler',
  'java.desktop',
  'java.instrument',
  'java.logging',
  'java.management',
  'java.naming',
  'java.rmi',
  'java.scripting',
  'java.security.jgss',
  'java.security.sasl',
  'java.sql',
  'java.xml',
  'jdk.crypto.ec',
  'jdk.management',
  'jdk.security.auth',
  'jdk.unsupported',
  'jdk.zipfs',
];

interface Options {
  signal: AbortSignal;
  onProgress: (line: string) => void;
}

/** Folder of the jars. Throws UsageError without Maven, and when a jar is not the pinned one. */
export async function kafkaJars({ signal, onProgress }: Options): Promise<string> {
  const pom = path.join(TOOL, 'pom.xml');
  const sums = path.join(TOOL, 'jars.sha256');
  const folder = path.join(cacheFolder(), `kafka-${keyOf(readFileSync(pom), readFileSync(sums))}`);
  await keep(folder, onProgress, 'fetching the jars of Kafka', async (target) => {
    const args = ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
    await runProgram(findProgram('mvn'), [...args, `-DoutputDirectory=${target}`], {
      signal,
      cwd: TOOL,
      timeoutMs: FETCH_LIMIT_MS,
    });
    checkJars(target, readFileSync(sums, 'utf8'));
  });
  return folder;
}

/** `sums` as sha256sum prints them. Throws UsageError for a jar that is missing, too many, or another. */
export function checkJars(folder: string, sums: string): void {
  const pinned = new Map(
    sums
      .trim()
      .split('\n')
      .map((line) => [line.slice(66).trim(), line.slice(0, 64)] as const),
  );
  const wrong = (jar: string, why: string) =>
    new UsageError(`tools/kafka/jars.sha256: ${jar} ${why}; what Maven fetched is not what is pinned`);
  for (const jar of readdirSync(folder)) {
    const sum = createHash('sha256')
      .update(readFileSync(path.join(folder, jar)))
      .digest('hex');
    if (pinned.get(jar) !== sum) throw wrong(jar, pinned.has(jar) ? `has ${sum}` : 'is not listed');
    pinned.delete(jar);
  }
  for (const jar of pinned.keys()) throw wrong(jar, 'is missing');
}

/** Folder of a Java runtime. Throws UsageError without a JDK of 17 or later. */
export async function javaRuntime({ signal, onProgress }: Options): Promise<string> {
  const jlink = findProgram('jlink');
  const version = (await runProgram(jlink, ['--version'], { signal })).stdout.trim();
  if (!(Number.parseInt(version, 10) >= LEAST_JAVA))
    throw new UsageError(`images: Kafka needs Java ${LEAST_JAVA} or later, and ${jlink} is of ${version}`);
  const release = path.join(path.dirname(path.dirname(jlink)), 'release');
  const build = existsSync(release) ? readFileSync(release) : Buffer.from(jlink);
  const folder = path.join(
    cacheFolder(),
    `java-${keyOf(Buffer.from(JSON.stringify([version, JAVA_MODULES])), build)}`,
  );
  await keep(folder, onProgress, 'cutting a Java runtime for Kafka', async (target) => {
    const small = ['--strip-debug', '--no-man-pages', '--no-header-files', '--compress=2'];
    const args = [...small, '--output', target, '--add-modules', JAVA_MODULES.join(',')];
    await runProgram(jlink, args, { signal });
    rmSync(path.join(target, 'legal'), { recursive: true, force: true });
  });
  return folder;
}

function keyOf(...parts: Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, 12);
}
