// SPDX-License-Identifier: LGPL-3.0-or-later
// Bytes are shown, followed and written, of regions of any size.
import assert from 'node:assert/strict';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { after } from 'node:test';

import { enter } from './lib/browser.mjs';
import { SERVER, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const HUGE = 64 * 2 ** 30;
const FILE = `/dev/shm/ivshmemd-web-${process.pid}`;
// It has holes only, and none of the machine's memory.
writeFileSync(FILE, '');
truncateSync(FILE, HUGE);
after(() => rmSync(FILE));
const check = suite(`${SERVER}[region huge]\nplugin=host-plain\npath=${FILE}\n`);

/** The cell of a byte that is in view. */
function cell(page, offset) {
  return page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: (offset - (offset % 16)).toString(16).padStart(8, '0') }) })
    .getByRole('gridcell').nth(offset % 16);
}

async function watching(page) {
  await page.locator('.hx .following.watching').waitFor();
}

check('bytes are written by hand and read back elsewhere', {}, async (page, daemon) => {
  await daemon.write('lab', 0x100, [1, 2, 3, 4, 5, 6, 7, 8]);
  await enter(page, daemon, '#/regions/lab/memory');
  await cell(page, 0x102).getByText('03').waitFor();
  await cell(page, 0x102).click();
  // Typing does nothing before editing has been armed, and nothing is written before it is said.
  await page.keyboard.type('aa');
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.keyboard.type('dead');
  await page.getByRole('radio', { name: 'Text' }).click();
  await page.getByRole('grid').focus();
  await page.keyboard.type('Hi');
  await page.getByText('4 bytes typed at 0x102').waitFor();
  assert.deepEqual([...await daemon.read('lab', 0x100, 8)], [1, 2, 3, 4, 5, 6, 7, 8]);
  await page.getByRole('button', { name: 'Write 4 bytes' }).click();
  await page.getByText('4 bytes written to lab').waitFor();
  assert.deepEqual([...await daemon.read('lab', 0x100, 8)], [1, 2, 0xde, 0xad, 0x48, 0x69, 7, 8]);
});

check('what was typed can be taken back', {}, async (page, daemon) => {
  await daemon.write('lab', 0x200, [1, 2, 3, 4]);
  await enter(page, daemon, '#/regions/lab/memory?at=0x200');
  await cell(page, 0x200).click();
  await page.keyboard.press('e');
  await page.keyboard.type('aabbcc');
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Backspace');
  await page.getByText('2 bytes typed').waitFor();
  // Somebody else writes where one has typed: that is said.
  await daemon.write('lab', 0x200, [9]);
  await page.getByText('1 of them was changed by somebody else').waitFor();
  await page.getByRole('button', { name: 'Discard' }).click();
  await cell(page, 0x200).getByText('09').waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Edit' }).waitFor();
  assert.deepEqual([...await daemon.read('lab', 0x200, 4)], [9, 2, 3, 4]);
});

check('changes from outside are seen and marked', {}, async (page, daemon) => {
  await enter(page, daemon, '#/regions/lab/memory');
  await watching(page);
  for (const value of [0x5a, 0xa5]) {
    await daemon.write('lab', 0x34, [value]);
    await cell(page, 0x34).getByText(value.toString(16)).waitFor();
    assert.match(await cell(page, 0x34).getAttribute('class'), /\bhot\b/);
  }
  // The mark goes by itself.
  await until('the mark to go', async () => !/\bhot\b/.test(await cell(page, 0x34).getAttribute('class')));
});

check('the map tells where bytes change, and leads there', {}, async (page, daemon) => {
  await enter(page, daemon, '#/regions/lab/memory');
  await page.locator('.map .following.watching').waitFor();
  const map = page.getByRole('slider', { name: 'Activity map of the region' });
  await map.focus();
  await page.keyboard.press('End');
  assert.match(await map.getAttribute('aria-valuetext'), /0xff000 – 0xfffff: no change seen/);
  await daemon.write('lab', 0xff800, [7]);
  await until('the change on the map', async () => {
    await page.keyboard.press('Home');
    await page.keyboard.press('End');
    return /1 change/.test(await map.getAttribute('aria-valuetext'));
  });
  await page.keyboard.press('Enter');
  await page.getByRole('rowheader', { name: '000ff000' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'hx-box');
});

check('a region of 64 GiB is walked from end to end', {}, async (page, daemon) => {
  await enter(page, daemon, '#/regions/huge/memory');
  await page.getByRole('rowheader', { name: '000000000' }).waitFor();
  // To watch all of it would keep the daemon busy: one has to ask for that.
  await page.getByRole('button', { name: 'Watch it all' }).waitFor();
  await watching(page);
  await page.getByLabel('Offset').fill('48G');
  await page.keyboard.press('Enter');
  await page.getByRole('rowheader', { name: 'c00000000' }).waitFor();
  await daemon.write('huge', HUGE - 1, [0x77]);
  await page.keyboard.press('Control+End');
  await page.getByRole('rowheader', { name: 'ffffffff0' }).waitFor();
  await page.getByRole('row').last().getByRole('gridcell').last().getByText('77').waitFor();
  await page.getByLabel('Offset').fill('64G');
  await page.keyboard.press('Enter');
  await page.getByText('The last offset is 0xfffffffff').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('g');
  await page.keyboard.type('+0x1001');
  await page.keyboard.press('Enter');
  await page.locator('.inspector-at').getByText('0x1001').waitFor();
});

check('who may only read is offered no editing', {}, async (page, daemon) => {
  await enter(page, daemon, '#/regions/lab/memory', 'reader');
  await page.getByText('read only for you').waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('e');
  assert.equal(await page.getByRole('button', { name: 'Edit' }).count(), 0);
  assert.equal(await page.getByText('Armed').count(), 0);
});

check('watches end with what they are for', {}, async (page, daemon) => {
  await enter(page, daemon, '#/regions/lab/memory');
  await watching(page);
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket));
  await page.getByRole('tab', { name: 'Overview' }).click();
  await page.getByRole('tab', { name: 'Memory' }).click();
  await watching(page);
  // Another look takes the stream that is there.
  assert.equal(sockets.length, 0);
});
