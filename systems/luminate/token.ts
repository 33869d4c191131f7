/** Bearer tokens: JSON Web Tokens signed with HMAC-SHA256 (RFC 7519, RFC 7515), and no other algorithm. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

const Header = z.object({ alg: z.literal('HS256') });
const Claims = z.object({
  tenant_id: z.string().min(1),
  org_id: z.string().min(1),
  scopes: z.array(z.string()),
  /** Seconds since the Unix epoch. */
  exp: z.number(),
});
export type Claims = z.infer<typeof Claims>;

/** Tokens longer than this are refused unread, characters. */
const MAX_LENGTH = 8_192;

export function mintToken(secret: string, claims: Claims): string {
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${sign(secret, signed).toString('base64url')}`;
}

/** The claims of a token with a good signature, or null. Whether it has expired is for the caller to say. */
export function readToken(secret: string, token: string): Claims | null {
  const [header, claims, signature, ...rest] = token.split('.');
  if (token.length > MAX_LENGTH || rest.length > 0) return null;
  if (header === undefined || claims === undefined || signature === undefined) return null;
  const given = Buffer.from(signature, 'base64url');
  const wanted = sign(secret, `${header}.${claims}`);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
  if (!Header.safeParse(decode(header)).success) return null;
  return Claims.safeParse(decode(claims)).data ?? null;
}

function sign(secret: string, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
