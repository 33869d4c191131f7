/**
 * The Kubernetes objects as far as the local platform plays them, as schemas: a field that a schema does not have is
 * reported as unplayed (unplayed.ts). Defaults are those of the API server.
 */
import { z } from 'zod';

const labels = z.record(z.string(), z.string());
const seconds = z.int().nonnegative();
const amount = z.union([z.int().nonnegative(), z.string().regex(/^\d+%$/)], {
  error: 'expected a whole number or a percentage such as 25%',
});
const port = z.union([z.int().min(1).max(65_535), z.string().min(1)], {
  error: 'expected a port number or a port name',
});

const ProbeObject = z.object({
  httpGet: z.object({ path: z.string().startsWith('/').default('/'), port }).optional(),
  initialDelaySeconds: seconds.default(0),
  periodSeconds: z.int().min(1).default(10),
  timeoutSeconds: z.int().min(1).default(1),
  failureThreshold: z.int().min(1).default(3),
});
export type ProbeObject = z.infer<typeof ProbeObject>;

const keyRef = z.object({ name: z.string(), key: z.string(), optional: z.boolean().default(false) });
const EnvVariable = z.object({
  name: z.string().min(1),
  value: z.string({ error: 'expected a string; numbers and booleans need quotes here' }).optional(),
  valueFrom: z
    .object({
      configMapKeyRef: keyRef.optional(),
      secretKeyRef: keyRef.optional(),
      fieldRef: z.object({ fieldPath: z.string() }).optional(),
    })
    .optional(),
});
const source = z.object({ name: z.string(), optional: z.boolean().default(false) });
const EnvSource = z.object({
  prefix: z.string().default(''),
  configMapRef: source.optional(),
  secretRef: source.optional(),
});

export const Container = z.object({
  name: z.string(),
  ports: z
    .array(z.object({ name: z.string().optional(), containerPort: z.int().min(1).max(65_535) }))
    .default([]),
  env: z.array(EnvVariable).default([]),
  envFrom: z.array(EnvSource).default([]),
  lifecycle: z
    .object({
      preStop: z
        .object({
          exec: z.object({ command: z.array(z.string()) }).optional(),
          sleep: z.object({ seconds }).optional(),
          httpGet: z.object({ path: z.string().startsWith('/').default('/'), port }).optional(),
        })
        .optional(),
    })
    .optional(),
  startupProbe: ProbeObject.optional(),
  readinessProbe: ProbeObject.optional(),
  livenessProbe: ProbeObject.optional(),
});
export type Container = z.infer<typeof Container>;

export const Deployment = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string().default('default') }),
  spec: z.object({
    replicas: z.int().nonnegative().default(1),
    minReadySeconds: seconds.default(0),
    progressDeadlineSeconds: z.int().min(1).default(600),
    selector: z.object({ matchLabels: labels.default({}) }),
    strategy: z
      .object({
        type: z.enum(['RollingUpdate', 'Recreate']).default('RollingUpdate'),
        rollingUpdate: z
          .object({ maxSurge: amount.default('25%'), maxUnavailable: amount.default('25%') })
          .prefault({}),
      })
      .prefault({}),
    template: z.object({
      metadata: z.object({ labels: labels.default({}) }).prefault({}),
      spec: z.object({
        terminationGracePeriodSeconds: seconds.default(30),
        containers: z.array(Container).min(1),
      }),
    }),
  }),
});
export type Deployment = z.infer<typeof Deployment>;

export const Service = z.object({
  spec: z.object({
    clusterIP: z.string().optional(),
    selector: labels.default({}),
    ports: z
      .array(z.object({ name: z.string().optional(), port: z.int(), targetPort: port.optional() }))
      .min(1),
  }),
});

export const ConfigMap = z.object({ data: labels.default({}) });
export const Secret = z.object({ data: labels.default({}), stringData: labels.default({}) });

/** Parsed, so that a broken one is refused before the start; not played. */
export const HorizontalPodAutoscaler = z.object({
  spec: z.object({
    scaleTargetRef: z.object({ kind: z.string(), name: z.string() }),
    minReplicas: z.int().nonnegative().default(1),
    maxReplicas: z.int().min(1),
  }),
});
export const PodDisruptionBudget = z.object({
  spec: z.object({
    minAvailable: amount.optional(),
    maxUnavailable: amount.optional(),
    selector: z.object({ matchLabels: labels.default({}) }).optional(),
  }),
});
