import { expect, test } from 'vitest';
import type { Access } from './cluster.ts';
import { missingRights, rightsError } from './rights.ts';

const inShop = (verb: string, resource: string, group = '', subresource?: string): Access => ({
  verb,
  group,
  resource,
  namespace: 'shop',
  ...(subresource === undefined ? {} : { subresource }),
});

test('asks for each right, not too many at a time, and keeps the order of what is missing', async () => {
  let open = 0;
  let most = 0;
  const wanted = Array.from({ length: 40 }, (_, i) => inShop('get', `r${i}`));
  const may = async ({ resource }: Access) => {
    open += 1;
    most = Math.max(most, open);
    await new Promise((resolve) => setImmediate(resolve));
    open -= 1;
    return !['r31', 'r7'].includes(resource);
  };
  expect(await missingRights({ may }, wanted)).toEqual([wanted[7], wanted[31]]);
  expect(most).toBe(8);
  expect(await missingRights({ may: () => Promise.resolve(true) }, wanted)).toEqual([]);
  expect(await missingRights({ may }, [])).toEqual([]);
});

test('a review that fails is not taken for a right', async () => {
  const may = () => Promise.reject(new Error('no answer'));
  await expect(missingRights({ may }, [inShop('get', 'pods')])).rejects.toThrow('no answer');
});

test('says what is missing, and commands that grant exactly that', () => {
  const error = rightsError(
    [
      inShop('watch', 'pods'),
      inShop('list', 'pods'),
      inShop('list', 'deployments', 'apps'),
      inShop('watch', 'deployments', 'apps'),
      inShop('patch', 'deployments', 'apps', 'scale'),
      { verb: 'patch', group: '', resource: 'nodes' },
    ],
    'staging',
  );
  expect(error.name).toBe('UsageError');
  expect(error.message).toBe(
    'context staging may not list,watch pods in shop; list,watch deployments.apps in shop; patch deployments.apps/scale in shop; patch nodes everywhere. ' +
      'Whoever may grant it runs (USER is what "kubectl auth whoami" says): ' +
      'kubectl create role proofload --verb=list,watch --resource=pods,deployments.apps -n shop && ' +
      'kubectl create rolebinding proofload --role=proofload --user=USER -n shop && ' +
      'kubectl create role proofload-2 --verb=patch --resource=deployments.apps/scale -n shop && ' +
      'kubectl create rolebinding proofload-2 --role=proofload-2 --user=USER -n shop && ' +
      'kubectl create clusterrole proofload-3 --verb=patch --resource=nodes && ' +
      'kubectl create clusterrolebinding proofload-3 --clusterrole=proofload-3 --user=USER',
  );
});
