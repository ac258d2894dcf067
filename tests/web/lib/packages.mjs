// SPDX-License-Identifier: LGPL-3.0-or-later
// What comes from npm, which is in the build directory and so not beside us.
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const buildDir = process.env.IVT_BUILD_DIR;
export const sourceDir = new URL('../../..', import.meta.url).pathname;
export const nodeModules = process.env.IVT_NODE_MODULES;
/** Of the page itself. */
export const pageModules = join(buildDir, 'clients', 'web', 'npm', 'node_modules');

export const { chromium } = createRequire(join(nodeModules, 'x'))('playwright-core');
export const axe = createRequire(join(nodeModules, 'x'))('axe-core');
export const esbuild = createRequire(join(pageModules, 'x'))('esbuild');
