/**
 * Container images as data: what a system that Proofload can build itself exports as `images` of its contract. `platforms/images/`
 * turns a recipe into an archive that a cluster loads without a registry.
 */
import { z } from 'zod';

function staysInside(file: string): boolean {
  return !file.split('/').some((part) => part === '.' || part === '..');
}

/** Absolute, with nothing that leads elsewhere: it is joined to the folder that becomes the image's root. */
const place = z
  .string()
  .regex(/^(\/[A-Za-z0-9_.+@[-]+)+$/, 'must be an absolute path of plain names')
  .refine(staysInside, 'must not hold . or ..');
/** Relative to the system's folder. */
const source = z
  .string()
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9/._-]*\.ts$/, 'must be a .ts file of the system, relative to its folder')
  .refine(staysInside, 'must not hold . or ..');
const mode = z.number().int().min(0).max(0o1777);

export const ImageFile = z.discriminatedUnion('kind', [
  /** A program of this machine, by name on PATH or by absolute path, with the shared libraries it needs; `node` is the one that runs now. */
  z.strictObject({ kind: z.literal('program'), program: z.string().min(1), at: place }),
  /** /bin/sh, busybox under the name of each of its tools, `nc -z`, users and a place for temporary files. */
  z.strictObject({ kind: z.literal('shell') }),
  /** TypeScript of the system's folder and everything it imports, as one JavaScript file (CommonJS). */
  z.strictObject({
    kind: z.literal('bundle'),
    entry: source,
    at: place,
  }),
  z.strictObject({ kind: z.literal('text'), text: z.string(), at: place, mode: mode.optional() }),
  /** An empty folder; 0o755 unless said otherwise. */
  z.strictObject({ kind: z.literal('folder'), at: place, mode: mode.optional() }),
]);
export type ImageFile = z.infer<typeof ImageFile>;

export const ImageRecipe = z.strictObject({
  /** Host, path and tag, `docker.io/library/luminate:v1` for what manifests call `luminate:v1`. Not `latest`: Kubernetes asks a registry for that. */
  name: z
    .string()
    .regex(/^[a-z0-9.-]+(\/[a-z0-9._-]+)+:[A-Za-z0-9_][A-Za-z0-9_.-]*$/, 'must be host/path:tag')
    .refine((name) => !name.endsWith(':latest'), 'must not be tagged latest'),
  files: z.array(ImageFile).min(1).readonly(),
  entrypoint: z.array(z.string().min(1)).min(1).readonly(),
  env: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string()),
  /** Numeric, so that `runAsNonRoot` can be judged by the kubelet; the group is the same. */
  user: z.number().int().positive(),
  /** What the runtime sends to end it, SIGTERM unless said otherwise. */
  stopSignal: z
    .string()
    .regex(/^SIG[A-Z0-9]+$/)
    .optional(),
});
export type ImageRecipe = z.infer<typeof ImageRecipe>;
