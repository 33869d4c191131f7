/** A store may be something else than what the manifests name. One that says so is named in every report. */
import { request } from 'undici';
import { STAND_IN_HEADER } from '../record/stand-in.ts';
import type { Session } from './session.ts';

const ASK_WITHIN_MS = 2_000;
const MAX_SHOWN = 80;

/** A note for each store over HTTP that answers as a stand-in of ours. Never throws: one that does not answer says nothing, and is read back later. */
export async function noteStandIns({
  platform,
  writer,
}: Pick<Session, 'platform' | 'writer'>): Promise<void> {
  for (const url of new Set(Object.values(platform.storeEnv()))) {
    if (!/^https?:/.test(url)) continue;
    const engine = await engineOf(url);
    if (engine === null) continue;
    const text =
      `the store at ${new URL(url).host} is no ClickHouse server but its engine (${engine}) behind an HTTP server of Proofload: what only a ` +
      'server does (asynchronous inserts, users, its shutdown) was not tested';
    writer.emit({ kind: 'note', text });
  }
}

async function engineOf(url: string): Promise<string | null> {
  try {
    const answer = await request(new URL('/ping', url), { signal: AbortSignal.timeout(ASK_WITHIN_MS) });
    await answer.body.dump();
    const said = answer.headers[STAND_IN_HEADER];
    return typeof said === 'string' ? said.replaceAll(/[^\w. -]/g, '').slice(0, MAX_SHOWN) : null;
  } catch {
    return null;
  }
}
