/** The part of a system's contract (record/contract.ts) that a platform reads. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { UsageError } from '../../record/model.ts';

/** Gives the built JavaScript of a source file (record/root.ts). */
export type BuiltFile = (source: string) => string;

const StoreKind = z.enum(['postgres', 'kafka', 'clickhouse']);
const PlatformContract = z.object({
  containers: z.tuple([z.string()], z.string()),
  stores: z.record(
    z.string(),
    z.object({ kind: StoreKind, withOverlay: z.record(z.string(), StoreKind).optional() }),
  ),
  local: z.object({ containers: z.record(z.string(), z.object({ entry: z.string() })) }).optional(),
});
export type PlatformContract = z.infer<typeof PlatformContract>;

/** `source` = the system's folder relative to the checkout. Throws UsageError. */
export async function loadContract(source: string, built: BuiltFile): Promise<PlatformContract> {
  const file = built(path.join(source, 'contract.ts'));
  if (!existsSync(file))
    throw new UsageError(
      `${source}/contract.ts: not there or not built; every system needs a contract (record/contract.ts)`,
    );
  const module: unknown = await import(pathToFileURL(file).href);
  const contract = PlatformContract.safeParse(Reflect.get(Object(module), 'contract'));
  if (contract.success) return contract.data;
  throw new UsageError(
    `${source}/contract.ts: the export "contract" is missing or not usable: ${contract.error.issues[0]?.path.join('.') ?? ''}: ${contract.error.issues[0]?.message ?? ''}`,
  );
}
