// SPDX-License-Identifier: LGPL-3.0-or-later
// Takes the pictures of docs/screenshots: shots.mjs FOLDER. What they show is a
// real daemon with real traffic; it takes a minute and a half.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { enter, launch, withPage } from './lib/browser.mjs';
import { Daemon } from './lib/daemon.mjs';

const folder = process.argv[2];
const FILE = `/dev/shm/camera-frames-${process.pid}`;
const TRAFFIC_MS = 45;
const LOOK_MS = 62000;
const MEMORY_LOOK_MS = 14000;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What guests would do: a ring of slots that fill, counters, doorbells. */
function makeTraffic(daemon) {
  let on = true;
  const header = Buffer.alloc(256);
  header.write('ivshmem frame ring v3', 0);
  header.write('slots=64 slot-size=4096', 0x40);
  let peer;
  const run = async () => {
    for (let turn = 0; on; turn++) {
      header.writeBigUInt64LE(BigInt(turn), 0x80);
      header.writeBigUInt64LE(BigInt(Math.floor(turn / 3)), 0x88);
      header.writeDoubleLE(Math.sin(turn / 20), 0x90);
      await daemon.write('lab', 0, header);
      const slot = 4096 * (1 + (turn % 64));
      const bytes = Uint8Array.from({ length: 512 + 2048 * Math.abs(Math.sin(turn / 70)) }, (_, i) => (turn + i * i) & 255);
      await daemon.write('lab', slot, bytes);
      if (turn % 3 === 0) await daemon.write('lab', 2 ** 21 + 4096 * ((turn * 37) % 300), bytes.subarray(0, 64));
      if (turn % 2 === 0) await daemon.read('lab', slot, 4096);
      await daemon.write('camera-frames', 4096 * ((turn * 11) % 256), bytes.subarray(0, 200));
      const rings = Math.round(3 + 2 * Math.sin(turn / 60));
      for (let i = 0; i < rings; i++) await daemon.ring('lab', (turn + i * i) % (i === 0 ? 2 : 8));
      if (turn % 60 === 20) peer = await daemon.peer('sensor-bus');
      if (turn % 60 === 40) peer?.destroy();
      if (turn % 5 === 0) await daemon.ring('sensor-bus', turn % 4);
      await wait(TRAFFIC_MS);
    }
  };
  const running = run();
  return async () => {
    on = false;
    await running;
    peer?.destroy();
  };
}

async function shoot(page, name) {
  const path = join(folder, `${name}.png`);
  await page.mouse.move(0, 0);
  await page.screenshot({ path, animations: 'allow' });
  // A fifth of the size, where the tool is there.
  const { error } = spawnSync('pngquant', ['--force', '--skip-if-larger', '--strip', '--speed', '1', '--output', path, path]);
  if (error) console.error(`${path} is as it came: pngquant is not there`);
}

const go = (page, where) => page.evaluate((hash) => { location.hash = hash; }, where);

async function take(browser, daemon) {
  const size = { viewport: { width: 1360, height: 850 } };
  await withPage(browser, daemon, { ...size, colorScheme: 'light' }, async (page) => {
    await enter(page, daemon);
    await wait(LOOK_MS);
    await shoot(page, 'regions');
    await go(page, '#/regions/lab');
    await wait(2500);
    await shoot(page, 'overview');
    await go(page, '#/events');
    await wait(500);
    await shoot(page, 'events');
  });
  await withPage(browser, daemon, { ...size, colorScheme: 'dark' }, async (page) => {
    await enter(page, daemon, '#/regions/lab/memory');
    await wait(MEMORY_LOOK_MS);
    await page.getByRole('gridcell').nth(0x86).click();
    await page.keyboard.press('e');
    await page.keyboard.type('cafe');
    await wait(400);
    await shoot(page, 'memory');
  });
}

mkdirSync(folder, { recursive: true });
writeFileSync(FILE, Buffer.alloc(2 ** 20));
const daemon = await Daemon.start(`[region lab]\nplugin=doorbell-server\nsize=4M\nvectors=8\n
[region sensor-bus]\nplugin=doorbell-server\nsize=256K\nvectors=4\n
[region camera-frames]\nplugin=host-plain\npath=${FILE}\n
[region edge]\nplugin=doorbell\nsocket=${FILE}.sock\nreconnect=true\n`);
const peers = [];
for (let i = 0; i < 5; i++) peers.push(await daemon.peer(i < 3 ? 'lab' : 'sensor-bus'));
const stop = makeTraffic(daemon);
const browser = await launch();
try {
  await take(browser, daemon);
} finally {
  await browser.close();
  await stop();
  for (const peer of peers) peer.destroy();
  await daemon.end();
  rmSync(FILE);
}
