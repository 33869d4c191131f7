/** Manifests of the five guides with the defects that are known of them, and sets without any. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { readForLint } from '../../commands/lint-read.ts';
import { ROOT } from '../../record/root.ts';
import { lint } from './lint.ts';
import { allRules, short } from './testing.ts';

const rules = await allRules();
const findings = (...folders: string[]) =>
  lint(readForLint(folders.map((folder) => path.join(ROOT, folder))).manifests, rules);
const guide = (name: string) => short(findings(`analysis/lint/fixtures/${name}`));

it('finds the planted defects of Kalcifer', () => {
  expect(guide('kalcifer')).toEqual([
    'erlang-node-name @ Deployment kalcifer',
    'hpa-memory-never-scales-in @ HorizontalPodAutoscaler kalcifer',
    'hpa-metric-adapter @ HorizontalPodAutoscaler kalcifer',
    'hpa-replicas-set @ Deployment kalcifer',
    'image-unpinned @ Deployment kalcifer',
    'no-disruption-budget @ Deployment kalcifer',
    'no-startup-probe @ Deployment kalcifer',
    'phoenix-without-server @ Deployment kalcifer',
    'prestop-returns-at-once @ Deployment kalcifer',
    'secret-missing @ Deployment kalcifer',
  ]);
});

it("finds those of Ingot, in the guide's manifests and in the repository's", () => {
  expect(guide('ingot-guide')).toEqual([
    'affinity-behind-ingress @ Service ingot',
    'ingress-annotation-removed @ Ingress ingot',
    'liveness-same-as-readiness @ Deployment ingot',
    'no-disruption-budget @ Deployment ingot',
    'no-startup-probe @ Deployment ingot',
    'phoenix-without-server @ Deployment ingot',
    'prestop-default-grace @ Deployment ingot',
    'secret-missing @ Deployment ingot',
  ]);
  expect(guide('ingot-repository')).toEqual([
    'affinity-behind-ingress @ Service ingot',
    'ingress-limits @ Ingress ingot',
    'ingress-snippet @ Ingress ingot',
    'liveness-same-as-readiness @ Deployment ingot',
    'no-disruption-budget @ Deployment ingot',
    'no-startup-probe @ Deployment ingot',
    'request-exceeds-grace @ Deployment ingot',
    'secret-missing @ Deployment ingot',
  ]);
});

it('finds those of Kalla', () => {
  expect(guide('kalla')).toEqual([
    'hpa-memory-never-scales-in @ HorizontalPodAutoscaler ballista-executor',
    'hpa-replicas-set @ Deployment api-server',
    'hpa-replicas-set @ Deployment worker',
    'hpa-replicas-set @ StatefulSet ballista-executor',
    'image-unpinned @ Deployment api-server',
    'image-unpinned @ Deployment worker',
    'keda-trigger-incomplete @ ScaledObject worker',
    'liveness-same-as-readiness @ Deployment api-server',
    'no-disruption-budget @ Deployment api-server',
    'no-disruption-budget @ StatefulSet ballista-executor',
    'no-disruption-budget @ StatefulSet nats',
    'no-prestop @ Deployment api-server',
    'no-prestop @ Deployment ballista-scheduler',
    'no-prestop @ StatefulSet nats',
    'no-startup-probe @ Deployment api-server',
    'service-missing @ StatefulSet ballista-executor',
  ]);
});

it('finds those of the event pipeline', () => {
  expect(guide('event-pipeline')).toEqual([
    'liveness-same-as-readiness @ Deployment auth-api',
    'liveness-same-as-readiness @ Deployment query-api',
    'no-disruption-budget @ Deployment capture-api',
    'no-disruption-budget @ Deployment consumer',
    'no-disruption-budget @ Deployment query-api',
    'no-prestop @ Deployment capture-api',
    'no-prestop @ Deployment query-api',
    'secret-missing @ Deployment auth-api',
    'secret-missing @ Deployment query-api',
    'service-missing @ Deployment capture-api',
  ]);
});

it('finds those of Luminate', () => {
  expect(guide('luminate')).toEqual([
    'hpa-memory-never-scales-in @ HorizontalPodAutoscaler luminate-hpa',
    'hpa-policy-never-binds @ HorizontalPodAutoscaler luminate-hpa',
    'hpa-replicas-set @ Deployment luminate',
    'image-placeholder @ Deployment luminate',
    'image-placeholder @ StatefulSet luminate-badger',
    'image-unpinned @ Deployment luminate',
    'image-unpinned @ StatefulSet luminate-badger',
    'ingress-limits @ Ingress luminate-ingress',
    'ingress-limits @ Ingress luminate-ingress',
    'ingress-rewrite @ Ingress luminate-ingress',
    'liveness-same-as-readiness @ Deployment luminate',
    'no-disruption-budget @ Deployment luminate',
    'no-prestop @ StatefulSet luminate-badger',
    'request-exceeds-grace @ Deployment luminate',
    'selector-overlap @ Deployment luminate',
    'service-mixes-workloads @ Service luminate-svc',
  ]);
});

it('says of Luminate what the figures are', () => {
  const text = findings('analysis/lint/fixtures/luminate')
    .map(({ why }) => why)
    .join('\n');
  expect(text).toContain('the way down is 10 > 5 > 3');
  expect(text).toContain('with selectPolicy Min it is 10 > 9 > 8 > 7 > 6 > 5 > 4 > 3');
  expect(text).toContain(
    'The step from 4 to 3 replicas needs pods that hold at most 60 % of the request, 307Mi',
  );
  expect(text).toContain('write_timeout (ConfigMap luminate-config, config.yaml) lets a request take 30 s');
  expect(text).toContain('/api/v1/health, reaches luminate-svc as /');
});

it.each(['web', 'store', 'worker', 'canary'])('finds nothing at all in the clean set %s', (name) => {
  expect(findings(`analysis/lint/fixtures/clean/${name}`)).toEqual([]);
});

it("finds in the manifests we deploy only what their comments own up to: the guide's own contradictions", () => {
  const folders = ['systems/luminate/manifests', 'systems/luminate/reference/manifests'];
  expect(short(findings(...folders).filter(({ severity }) => severity !== 'info'))).toEqual([
    'hpa-memory-never-scales-in @ HorizontalPodAutoscaler luminate-hpa',
    'hpa-replicas-set @ Deployment luminate',
    'liveness-same-as-readiness @ Deployment luminate',
  ]);
});
