/** The version of a Prometheus that has just come up: that it says one shows that it, and nobody else, answers there. */
import { z } from 'zod';
import { askJson } from '../record/ask-json.ts';

const BuildInfo = z.object({ data: z.object({ version: z.string() }) });

/** `url` as `http://host:port`. Rejects when there is no whole answer in time, or another one than a Prometheus gives. */
export async function prometheusVersion(url: string, timeoutMs: number): Promise<string> {
  const { body } = await askJson(new URL('/api/v1/status/buildinfo', url), { method: 'GET', timeoutMs });
  return BuildInfo.parse(body).data.version;
}
