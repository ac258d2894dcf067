// SPDX-License-Identifier: LGPL-3.0-or-later
// The page's own arithmetic, without a browser; and its types.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { esbuild, nodeModules, pageModules, sourceDir } from './lib/packages.mjs';

const web = join(sourceDir, 'clients', 'web');
const dir = mkdtempSync(join(tmpdir(), 'ivshmemd-parts-'));
after(() => rmSync(dir, { recursive: true, force: true }));

async function load(path) {
  const outfile = join(dir, `${path.replaceAll('/', '-')}.mjs`);
  await esbuild.build({ entryPoints: [join(web, 'src', path)], outfile, bundle: true, format: 'esm', nodePaths: [pageModules], tsconfigRaw: {} });
  return import(pathToFileURL(outfile));
}

test('offsets are read as people write them', async () => {
  const { parseOffset } = await load('lib/number.ts');
  const size = 2 ** 40;
  for (const [text, value] of [['0', 0], ['4096', 4096], ['0x1f00', 0x1f00], ['1f00h', 0x1f00], ['4K', 4096], ['0x10M', 2 ** 24], ['2 GiB', 2 ** 31],
    ['+16', 116], ['-0x10', 84], ['1_000', 1000], ['0xFFFFFFFFFF', size - 1]]) {
    assert.equal(parseOffset(text, 100, size), value, text);
  }
  for (const text of ['', 'x', '0x', '-101', '1T', '0x10000000000', '1.5K', '1e3', '++1', '99999999999999999999999']) {
    assert.equal(typeof parseOffset(text, 100, size), 'string', text);
  }
  assert.equal(typeof parseOffset('0', 0, 0), 'string');
  assert.equal(parseOffset(String(2 ** 53 - 2), 0, 2 ** 53 - 1), 2 ** 53 - 2);
});

test('numbers are written as people read them', async () => {
  const { formatCount, formatDuration, formatExact, formatSize } = await load('lib/format.ts');
  assert.equal(formatSize(0), '0 B');
  assert.equal(formatSize(4 * 2 ** 20), '4 MiB');
  assert.equal(formatSize(1536), '1.50 KiB');
  assert.equal(formatSize('18446744073709551615'), '16 EiB');
  assert.equal(formatCount(999), '999');
  assert.equal(formatCount(12345), '12.3\u202fk');
  assert.equal(formatExact('18446744073709551615'), '18\u202f446\u202f744\u202f073\u202f709\u202f551\u202f615');
  assert.equal(formatDuration(59.9), '59 s');
  assert.equal(formatDuration(3661), '1 h 1 min');
});

test("Hilbert's curve goes from neighbour to neighbour and everywhere once", async () => {
  const { hilbertPlaces } = await load('lib/hilbert.ts');
  for (const order of [0, 1, 3, 6]) {
    const side = 2 ** order;
    const places = [...hilbertPlaces(order)];
    assert.equal(new Set(places).size, side * side);
    for (let i = 1; i < places.length; i++) {
      const step = Math.abs((places[i] % side) - (places[i - 1] % side)) + Math.abs(Math.floor(places[i] / side) - Math.floor(places[i - 1] / side));
      assert.equal(step, 1);
    }
  }
});

test('the map has a cell for every byte', async () => {
  const { Heat } = await load('memory/heat.ts');
  for (const size of [1, 64, 4095, 4096, 65536, 2 ** 20, 3 * 2 ** 20 + 5, 2 ** 36, 2 ** 53 - 1]) {
    const heat = new Heat(size);
    assert.ok(heat.cells <= 4096 && heat.cells * heat.cellBytes >= size && (heat.cells - 1) * heat.cellBytes < size, String(size));
    heat.add(size - 1, 1);
    assert.equal(heat.counts[heat.cells - 1], 1);
    for (const shape of ['hilbert', 'rows']) {
      for (let cell = 0; cell < heat.cells; cell++) assert.equal(heat.cellAt(...heat.place(cell, shape), shape), cell);
      assert.equal(heat.cellAt(-1, 0, shape), -1);
      assert.equal(heat.cellAt(0, heat.side, shape), -1);
    }
  }
});

test('typed bytes become runs, and know what was there', async () => {
  const { Bytes, PAGE } = await load('memory/bytes.ts');
  const memory = new Uint8Array(3 * PAGE).map((_, i) => i % 251);
  globalThis.fetch = async (url, { method, body }) => {
    const query = new URLSearchParams(url.split('?')[1]);
    const offset = Number(query.get('offset'));
    if (method === 'PUT') memory.set(body, offset);
    return new Response(method === 'PUT' ? null : memory.slice(offset, offset + Number(query.get('length'))), { status: method === 'PUT' ? 204 : 200 });
  };
  const bytes = new Bytes('r', memory.length);
  await new Promise((resolve) => { bytes.onUpdate = resolve; bytes.refresh(0, memory.length); });
  assert.equal(bytes.at(PAGE + 1), (PAGE + 1) % 251);
  assert.equal(bytes.at(memory.length), -1);
  for (const [offset, value] of [[PAGE, 1], [PAGE - 1, 2], [7, 3], [PAGE + 1, 4]]) bytes.edit(offset, value);
  bytes.edit(100, bytes.at(100));
  assert.deepEqual(bytes.runs().map(({ offset, bytes: list }) => [offset, ...list]), [[7, 3], [PAGE - 1, 2, 1, 4]]);
  assert.equal(bytes.conflicts(), 0);
  memory[7] = 99;
  await new Promise((resolve) => { bytes.onUpdate = resolve; bytes.refresh(7, 8); });
  assert.equal(bytes.conflicts(), 1);
  assert.ok(bytes.changedAt(7) > 0);
  assert.equal(bytes.changedAt(8), 0);
  assert.equal(await bytes.write(), 4);
  assert.equal(bytes.edits.size, 0);
  assert.deepEqual([...memory.slice(PAGE - 1, PAGE + 2)], [2, 1, 4]);
});

test('types fit', () => {
  symlinkSync(join(web, 'src'), join(dir, 'src'));
  symlinkSync(pageModules, join(dir, 'node_modules'));
  copyFileSync(join(web, 'tsconfig.json'), join(dir, 'tsconfig.json'));
  const { status, stdout } = spawnSync(process.execPath, [join(nodeModules, 'typescript', 'bin', 'tsc'), '-p', dir], { encoding: 'utf8' });
  assert.equal(`${stdout}${status}`, '0');
});
