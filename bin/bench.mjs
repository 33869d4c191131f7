/** `npm run bench`: builds what changed and runs bench/main.ts. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';

await import(pathToFileURL(path.join(await build(), 'bench', 'main.js')).href);
