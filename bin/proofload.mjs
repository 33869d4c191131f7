#!/usr/bin/env node
/** Starts the front door: builds what changed (nothing, as a rule), then hands over to `cli.ts`. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';

const dist = await build();
await import(pathToFileURL(path.join(dist, 'cli.js')).href);
