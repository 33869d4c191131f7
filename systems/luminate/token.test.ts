import { createHmac } from 'node:crypto';
import { fc, test } from '@fast-check/vitest';
import { expect, it } from 'vitest';
import { mintToken, readToken } from './token.ts';

const CLAIMS = { tenant_id: 't', org_id: 'o', scopes: ['write'], exp: 1_900_000_000 };
const SEED = { seed: 41 };

it('reads back what it minted, and only with the same secret', () => {
  const token = mintToken('secret', CLAIMS);
  expect(readToken('secret', token)).toEqual(CLAIMS);
  expect(readToken('Secret', token)).toBeNull();
});

it('signs the way RFC 7515 says', () => {
  const [header = '', claims = '', signature] = mintToken('secret', CLAIMS).split('.');
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'HS256', typ: 'JWT' });
  const wanted = createHmac('sha256', 'secret').update(`${header}.${claims}`).digest('base64url');
  expect(signature).toBe(wanted);
});

it('takes no other algorithm and no claims that are not its own, however well they are signed', () => {
  const sign = (header: unknown, claims: unknown) => {
    const text = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${text}.${createHmac('sha256', 'secret').update(text).digest('base64url')}`;
  };
  expect(readToken('secret', sign({ alg: 'HS256' }, CLAIMS))).toEqual(CLAIMS);
  expect(readToken('secret', sign({ alg: 'none' }, CLAIMS))).toBeNull();
  expect(readToken('secret', sign({ alg: 'HS256' }, { ...CLAIMS, exp: 'never' }))).toBeNull();
  expect(readToken('secret', sign({ alg: 'HS256' }, 'claims'))).toBeNull();
});

test.prop([fc.nat(), fc.string({ minLength: 1, maxLength: 1 })], SEED)(
  'refuses a token with any character changed',
  (at, other) => {
    const token = mintToken('secret', CLAIMS);
    const place = at % token.length;
    const changed = token.slice(0, place) + other + token.slice(place + 1);
    // The last character of a signature carries unused bits: another spelling of the same bytes is the same signature.
    const bytes = (text: string) => Buffer.from(text.split('.').at(-1) ?? '', 'base64url').toString('hex');
    const same = place > token.lastIndexOf('.') && bytes(changed) === bytes(token);
    fc.pre(changed !== token && !same);
    expect(readToken('secret', changed)).toBeNull();
  },
);

test.prop([fc.string()], SEED)('refuses what is no token', (text) => {
  expect(readToken('secret', text)).toBeNull();
});
