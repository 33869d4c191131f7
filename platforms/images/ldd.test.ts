import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { librariesOf, parseLdd } from './ldd.ts';

const signal = new AbortController().signal;
const GLIBC = `	linux-vdso.so.1 (0x00007f8ce81b1000)
	libstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007f8ce7e00000)
	libpq.so.5 => /opt/pg/bin/../lib/libpq.so.5 (0x00007fd852a00000)
	libperl.so.5.26 => not found
	/lib64/ld-linux-x86-64.so.2 (0x00007f8ce81b3000)
`;
const MUSL = `	/lib/ld-musl-x86_64.so.1 (0x7f1b5a6f5000)
	libc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f1b5a6f5000)
`;

describe('parseLdd', () => {
  it('reads libraries, the loader, and what is not found', () => {
    expect(parseLdd(GLIBC)).toEqual({
      paths: [
        '/lib/x86_64-linux-gnu/libstdc++.so.6',
        '/opt/pg/lib/libpq.so.5',
        '/lib64/ld-linux-x86-64.so.2',
      ],
      missing: ['libperl.so.5.26'],
    });
    expect(parseLdd(MUSL)).toEqual({ paths: ['/lib/ld-musl-x86_64.so.1'], missing: [] });
  });

  it.each(['', '\tstatically linked\n', '\tnot a dynamic executable\n', '\tlibc.so.6 => /cut off'])(
    'finds nothing in %j',
    (text) => expect(parseLdd(text)).toEqual({ paths: [], missing: [] }),
  );

  const word = fc.stringMatching(/^[A-Za-z0-9+_.-]{1,12}$/).filter((text) => !/^\.+$/.test(text));
  const library = fc.record({ name: word, folders: fc.array(word, { minLength: 1, maxLength: 4 }) });
  const address = fc.nat().map((n) => `0x${n.toString(16)}`);

  test.prop([fc.array(fc.tuple(library, address)), fc.uniqueArray(word)], { seed: 4, numRuns: 300 })(
    'gives back every path and every missing name once, and nothing else',
    (found, missing) => {
      const file = ({ name, folders }: { name: string; folders: string[] }) =>
        `/${folders.join('/')}/${name}`;
      const lines = [
        `\tlinux-vdso.so.1 (0x1)`,
        ...found.map(([lib, at]) => `\t${lib.name} => ${file(lib)} (${at})`),
        ...missing.map((name) => `\t${name} => not found`),
      ];
      expect(parseLdd(`${lines.join('\n')}\n`)).toEqual({
        paths: [...new Set(found.map(([lib]) => file(lib)))],
        missing,
      });
    },
  );
});

describe.skipIf(process.platform !== 'linux')('librariesOf', () => {
  it('finds the loader and the C library of a dynamic program', async () => {
    const names = (await librariesOf(process.execPath, signal)).join('\n');
    expect(names).toMatch(/libc\b/);
    expect(names).toMatch(/\/ld-/);
  });

  it('rejects for a file that is not there', async () => {
    await expect(librariesOf('/nowhere/program', signal)).rejects.toThrow(/ldd \/nowhere\/program failed/);
  });
});
