/** What the overlays make of the guide's manifests: each changes what it says, and nothing that the guide's figures rest on. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { parseLocated } from '../../platforms/manifests/located.ts';
import { readManifests } from '../../platforms/manifests/read.ts';
import { ROOT } from '../../record/root.ts';

const SYSTEM = path.join(ROOT, 'systems/luminate');
const resource = z.object({ cpu: z.string(), memory: z.string() });
const Deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        containers: z.tuple([z.object({ resources: z.object({ requests: resource, limits: resource }) })]),
      }),
    }),
  }),
});
const rules = z.object({
  stabilizationWindowSeconds: z.number(),
  selectPolicy: z.string(),
  policies: z.array(z.object({ type: z.string(), value: z.number(), periodSeconds: z.number() })),
});
const Hpa = z.object({
  spec: z.object({
    minReplicas: z.number(),
    maxReplicas: z.number(),
    metrics: z.array(z.unknown()),
    behavior: z.object({ scaleUp: rules, scaleDown: rules }),
  }),
});

function read(overlay: string | undefined) {
  const objects = readManifests(SYSTEM, overlay);
  const one = <T>(title: string, schema: z.ZodType<T>) => {
    const found = objects.find((object) => object.title === title);
    if (found === undefined) throw new Error(`no ${title}`);
    return parseLocated(schema, found.node, title);
  };
  const { spec } = one('Deployment luminate', Deployment).spec.template;
  return {
    graceS: spec.terminationGracePeriodSeconds,
    ...spec.containers[0].resources,
    hpa: one('HorizontalPodAutoscaler luminate-hpa', Hpa).spec,
  };
}
const milli = (cpu: string) => Number(cpu.replace(/m$/, ''));

it.each(readdirSync(path.join(SYSTEM, 'overlays')).map((file) => path.basename(file, '.yaml')))(
  '%s fits the manifests, and leaves the sizes and targets of the HPA alone',
  (overlay) => {
    const { maxReplicas, metrics } = read(overlay).hpa;
    expect({ maxReplicas, metrics }).toEqual({
      maxReplicas: read(undefined).hpa.maxReplicas,
      metrics: read(undefined).hpa.metrics,
    });
  },
);

it.each(['scale-small', 'scale-guide'])('%s takes a fifth of the CPU, limit and request alike', (overlay) => {
  const guide = read(undefined);
  const { requests, limits } = read(overlay);
  expect(milli(requests.cpu) * 5).toBe(milli(guide.requests.cpu));
  expect(milli(limits.cpu) * 5).toBe(milli(guide.limits.cpu));
  expect([requests.memory, limits.memory]).toEqual([guide.requests.memory, guide.limits.memory]);
});

it('scale-guide keeps every duration of the guide, scale-small takes a tenth of its windows on the way down', () => {
  const guide = read(undefined);
  expect(read('scale-guide')).toMatchObject({ graceS: guide.graceS, hpa: guide.hpa });
  const { scaleUp, scaleDown } = read('scale-small').hpa.behavior;
  expect(scaleUp).toEqual(guide.hpa.behavior.scaleUp);
  const { stabilizationWindowSeconds, selectPolicy, policies } = guide.hpa.behavior.scaleDown;
  expect(scaleDown).toEqual({
    stabilizationWindowSeconds: stabilizationWindowSeconds / 10,
    selectPolicy,
    policies: policies.map((policy) => ({ ...policy, periodSeconds: policy.periodSeconds / 10 })),
  });
});

it('scale-by-hand leaves an HPA that never decides otherwise', () => {
  const { minReplicas, behavior } = read('scale-by-hand').hpa;
  expect(minReplicas).toBe(1);
  expect([behavior.scaleUp.selectPolicy, behavior.scaleDown.selectPolicy]).toEqual(['Disabled', 'Disabled']);
});
