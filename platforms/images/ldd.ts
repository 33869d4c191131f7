/** The shared libraries of a program, as the dynamic loader of this machine finds them. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import { findProgram, runProgram } from './programs.ts';

/** Opened by the C library itself when a name is looked up, so no program lists them; built in since glibc 2.34. */
const NAME_SERVICE = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

export interface Libraries {
  /** Files, the dynamic loader among them, each once. */
  paths: string[];
  /** Names that were not found. */
  missing: string[];
}

/**
 * Reads what `ldd` prints: `name => path (address)`, `path (address)` for the loader, `name => not found`; a name without a path
 * and with an address is the kernel's own (linux-vdso). Whatever else there is is not a library.
 */
export function parseLdd(text: string): Libraries {
  const paths = new Set<string>();
  const missing = new Set<string>();
  for (const line of text.split('\n')) {
    const lost = /^\s*(\S+) => not found\s*$/.exec(line)?.[1];
    if (lost !== undefined) missing.add(lost);
    const found = /^\s*(?:\S+ => )?(\/.*?) \(0x[0-9a-f]+\)\s*$/.exec(line)?.[1];
    if (found !== undefined) paths.add(path.normalize(found));
  }
  return { paths: [...paths], missing: [...missing] };
}

/** Libraries of one program; none when it is linked statically. Throws UsageError when this machine lacks one of them. */
export async function librariesOf(program: string, signal: AbortSignal): Promise<string[]> {
  const { paths, missing } = parseLdd(await ldd(program, signal));
  if (missing.length > 0)
    throw new UsageError(`images: ${program} does not run on this machine: it lacks ${missing.join(', ')}`);
  const libc = paths.find((file) => path.basename(file) === 'libc.so.6');
  const beside = libc === undefined ? [] : NAME_SERVICE.map((name) => path.join(path.dirname(libc), name));
  return [...new Set([...paths, ...beside.filter((file) => existsSync(file))])];
}

async function ldd(program: string, signal: AbortSignal): Promise<string> {
  try {
    return (await runProgram(findProgram('ldd'), [program], { signal })).stdout;
  } catch (error) {
    // For a static program it says so and ends with 1.
    if (error instanceof Error && /not a (valid )?dynamic/i.test(error.message)) return '';
    throw error;
  }
}
