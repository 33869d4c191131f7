import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { ROOT } from '../record/root.ts';
import { POD_RELABELLING } from './pod-relabelling.ts';

const ConfigMap = z.object({
  kind: z.literal('ConfigMap'),
  data: z.object({ 'prometheus.yml': z.string() }),
});
const Config = z.object({
  scrape_configs: z.array(z.object({ job_name: z.string(), relabel_configs: z.unknown().optional() })),
});

it('is what the add-on for kind has as YAML', () => {
  const text = readFileSync(path.join(ROOT, 'platforms/addons/prometheus.yaml'), 'utf8');
  const [map] = parseAllDocuments(text).flatMap(
    (document) => ConfigMap.safeParse(document.toJS() as unknown).data ?? [],
  );
  const { scrape_configs: jobs } = Config.parse(parse(map?.data['prometheus.yml'] ?? ''));
  expect(jobs.find(({ job_name: name }) => name === 'pods')?.relabel_configs).toEqual(POD_RELABELLING);
});
