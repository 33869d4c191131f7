/** The HorizontalPodAutoscaler of the manifests that scales the workload, and what its decision needs to know of the pods. */
import { z } from 'zod';
import { readHpa } from '../../../analysis/hpa/defaults.ts';
import type { HpaPod, HpaSpec } from '../../../analysis/hpa/types.ts';
import { milliByName } from '../../../analysis/quantity.ts';
import { badInput, parseLocated, plain } from '../../manifests/located.ts';
import type { ManifestObject } from '../../manifests/read.ts';
import { leftOut } from '../../manifests/unplayed.ts';
import type { Unplayed } from '../../manifests/unplayed.ts';

export interface AutoscalerManifest {
  object: ManifestObject;
  spec: HpaSpec;
  /** The one container that is started. */
  container: string;
  /** Of the whole pod, as the manifest has it, also of containers that are not started here. */
  containers: HpaPod['containers'];
  /** CPU of one pod; null where a container asks for none. */
  requestMilli: number | null;
  unplayed: Unplayed[];
}

const quantities = z.record(z.string(), z.unknown()).default({});
const Template = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.object({
            name: z.string(),
            resources: z.object({ requests: quantities, limits: quantities }).prefault({}),
          }),
        ),
      }),
    }),
  }),
});

/** Null when nothing scales the Deployment. Throws UsageError for an HPA that is not understood, and for a second one. */
export function findAutoscaler(
  objects: readonly ManifestObject[],
  deployment: string,
  container: string,
): AutoscalerManifest | null {
  const found = objects
    .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
    .flatMap((object) => {
      const read = readHpa(plain(object.node));
      if (typeof read === 'string') throw badInput(object.node, object.title, '', read);
      return read.target.kind === 'Deployment' && read.target.name === deployment
        ? [{ object, ...read }]
        : [];
    });
  const [first, second] = found;
  if (second)
    throw badInput(
      second.object.node,
      second.object.title,
      'spec.scaleTargetRef',
      `scales Deployment ${deployment}, as ${first?.object.title} does; leave one`,
    );
  const workload = objects.find(({ kind, name }) => kind === 'Deployment' && name === deployment);
  if (!first || !workload) return null;
  const { object, spec } = first;
  const containers = parseLocated(Template, workload.node, workload.title).spec.template.spec.containers.map(
    ({ name, resources: { requests, limits } }) => ({
      name,
      // The API server takes a limit for the request where there is none.
      requestsMilli: milliByName({ ...limits, ...requests }),
    }),
  );
  const cpu = containers.map(({ requestsMilli }) => requestsMilli['cpu']);
  return {
    object,
    spec,
    container,
    containers,
    requestMilli: cpu.reduce<number | null>(
      (sum, milli) => (sum === null || milli === undefined ? null : sum + milli),
      0,
    ),
    unplayed: spec.metrics
      .filter(({ source }) => source !== 'Resource' && source !== 'ContainerResource')
      .map(({ source, name }) =>
        leftOut(
          object.node,
          object.title,
          `metric ${name}`,
          `there is no metrics API of kind ${source} here: it fails at every sync, and nothing is scaled down`,
        ),
      ),
  };
}
