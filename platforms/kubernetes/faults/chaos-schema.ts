/** The fields of Chaos Mesh objects that are understood here, and no others: what is ignored in silence is a different fault. */
import { z } from 'zod';
import { parseDurationMs } from '../../../record/duration.ts';

const duration = z
  .string()
  .refine((text) => parseDurationMs(text) !== null, 'expected a duration such as 30s or 1m30s');
/** One number and one unit: the pattern of Chaos Mesh's own definition, which is narrower than Go's. */
const oneUnit = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'expected a duration of one number and one unit, such as 100ms');
const percent = z
  .string()
  .regex(/^(100(\.0+)?|\d{1,2}(\.\d+)?)$/, 'expected a percentage in quotes, such as "25"');
export const Mode = z.enum(['one', 'all', 'fixed', 'fixed-percent', 'random-max-percent']);

/** `metav1.LabelSelectorRequirement`; of its operators the one that a fault on several workloads needs. */
const OneOf = z.strictObject({
  key: z.string(),
  operator: z.literal('In'),
  values: z.array(z.string()).min(1),
});
const Selector = z
  .strictObject({
    namespaces: z.array(z.string()).optional(),
    labelSelectors: z.record(z.string(), z.string()).default({}),
    expressionSelectors: z.array(OneOf).default([]),
  })
  .refine(
    ({ labelSelectors, expressionSelectors }) =>
      Object.keys(labelSelectors).length + expressionSelectors.length > 0,
    'name at least one label',
  );
const target = { mode: Mode, value: z.string().optional(), selector: Selector };
export const Target = z.strictObject(target);
const head = {
  apiVersion: z.literal('chaos-mesh.org/v1alpha1'),
  metadata: z.strictObject({
    name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/, 'expected at most 40 of a-z, 0-9 and -'),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
};

export const PodChaos = z.strictObject({
  ...head,
  kind: z.literal('PodChaos'),
  spec: z.strictObject({
    ...target,
    action: z.enum(['pod-kill', 'pod-failure', 'container-kill']),
    gracePeriod: z.int().nonnegative().optional(),
    duration: duration.optional(),
    containerNames: z.array(z.string()).min(1).optional(),
  }),
});

export const NetworkChaos = z.strictObject({
  ...head,
  kind: z.literal('NetworkChaos'),
  spec: z.strictObject({
    ...target,
    action: z.enum(['partition', 'bandwidth', 'delay', 'loss']),
    direction: z.enum(['to', 'from', 'both']).default('to'),
    duration: duration.optional(),
    device: z.string().optional(),
    targetDevice: z.string().optional(),
    target: Target.optional(),
    delay: z
      .strictObject({
        latency: oneUnit,
        jitter: oneUnit.default('0ms'),
        correlation: percent.default('0'),
      })
      .optional(),
    loss: z.strictObject({ loss: percent, correlation: percent.default('0') }).optional(),
    bandwidth: z
      .strictObject({
        rate: z
          .string()
          .regex(/^\d+(bit|kbit|mbit|gbit|tbit|bps|kbps|mbps|gbps|tbps)$/, 'expected a rate such as 1mbps'),
        limit: z.int().min(1),
        buffer: z.int().min(1),
      })
      .optional(),
  }),
});

const workers = z.int().min(1).max(8_192);
export const StressChaos = z.strictObject({
  ...head,
  kind: z.literal('StressChaos'),
  spec: z.strictObject({
    ...target,
    duration: duration.optional(),
    containerNames: z.array(z.string()).min(1).optional(),
    stressors: z.strictObject({
      cpu: z.strictObject({ workers, load: z.int().min(1).max(100).default(100) }).optional(),
      memory: z
        .strictObject({
          workers,
          size: z
            .string()
            .regex(
              /^\d+(B|[KMGT]i?B)$/,
              'expected an amount such as 256MB; a share proves nothing by itself',
            ),
        })
        .optional(),
    }),
  }),
});
