// SPDX-License-Identifier: LGPL-3.0-or-later
// Bundles the page: bundle.mjs SOURCE PLACE-OF-NODE-MODULES OUTPUT. Beside the
// page's files it writes `inputs`: the sources that it has read, a line each.
import { copyFileSync, existsSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';

const [source, place, output] = process.argv.slice(2).map((path) => resolve(path));
const packages = join(realpathSync(place), 'node_modules');
const esbuild = createRequire(join(place, 'package.json'))('esbuild');

const result = await esbuild.build({
  absWorkingDir: realpathSync(source),
  entryPoints: { app: 'src/main.tsx' },
  outdir: output,
  nodePaths: [packages],
  bundle: true,
  minify: true,
  charset: 'utf8',
  format: 'esm',
  target: ['es2022', 'chrome110', 'firefox110', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  tsconfigRaw: {},
});

const inputs = Object.keys(result.metafile.inputs)
  .map((path) => (isAbsolute(path) ? path : resolve(realpathSync(source), path)));

// What of others is in the bundle, and under which licence.
const used = new Set();
for (const path of inputs) {
  if (path.startsWith(packages + '/')) {
    const parts = path.slice(packages.length + 1).split('/');
    used.add(parts[0].startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]);
  }
}
const notices = ['The web page of ivshmemd: LGPL-3.0-or-later. It contains these packages.\n'];
for (const name of [...used].sort()) {
  const folder = join(packages, name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} has no licence text`);
  notices.push(`${'-'.repeat(72)}\n${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`);
}
writeFileSync(join(output, 'licenses.txt'), notices.join('\n'));

copyFileSync(join(source, 'index.html'), join(output, 'index.html'));
for (const name of ['app.js', 'app.css']) {
  if (!existsSync(join(output, name))) throw new Error(`the bundle has no ${name}`);
}
const ours = inputs.filter((path) => !path.startsWith(packages + '/'));
writeFileSync(join(output, 'inputs'), [...ours, join(source, 'index.html')].join('\n'));
