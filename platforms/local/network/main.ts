/** The network process: the Service's balancer and every pod's link to the store. Ends when its parent does. */
import { reasonOf } from '../../../record/reason.ts';
import { createBalancer } from './balancer.ts';
import { openLink } from './link.ts';
import type { Link } from './link.ts';
import { isRequest } from './messages.ts';
import type { Command, Reply } from './messages.ts';

const balancer = createBalancer();
const links = new Map<string, Link>();

async function obey(command: Command): Promise<void> {
  if (command.do === 'service') return balancer.set(command.port, command.endpoints);
  if (command.do === 'link-open') {
    links.set(command.link, await openLink(command.port, command.targetPort));
    return;
  }
  const link = links.get(command.link);
  if (command.do === 'link-close') {
    link?.close();
    links.delete(command.link);
    return;
  }
  if (link === undefined) throw new Error(`there is no link ${command.link}`);
  link.set(command.toTarget, command.fromTarget);
}

function reply(message: Reply): void {
  process.send?.(message);
}

process.on('message', (message) => {
  if (!isRequest(message)) return;
  const { id, command } = message;
  obey(command).then(
    () => reply({ id }),
    (error: unknown) => reply({ id, error: reasonOf(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
reply({ id: 0 });
