// SPDX-License-Identifier: LGPL-3.0-or-later
// Regions come, are shown, rung and given up.
import assert from 'node:assert/strict';

import { enter } from './lib/browser.mjs';
import { SERVER, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const check = suite(SERVER);

check('a region is attached by the dialog', { expected: [/status of (409|501)/] }, async (page, daemon) => {
  await enter(page, daemon);
  await page.getByRole('button', { name: 'Attach' }).click();
  const dialog = page.getByRole('dialog', { name: 'Attach a region' });
  await dialog.getByRole('radio', { name: /^doorbell-server/ }).check();
  await dialog.getByLabel('Name').fill('lab');
  await dialog.getByLabel(/^size/).fill('64K');
  await dialog.getByLabel(/^vectors/).fill('2');
  await dialog.getByRole('button', { name: 'Attach', exact: true }).click();
  // What the daemon says is said, and nothing that was typed is lost.
  await dialog.getByRole('alert').getByText('exists').waitFor();
  await dialog.getByLabel('Name').fill('bench.1');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'bench.1' }).waitFor();
  const region = await daemon.api('GET', 'regions/bench.1');
  assert.equal(region.size, 65536);
  assert.equal(region.vectors, 2);
  assert.equal(region.options.mode, '0660');
  await daemon.api('DELETE', 'regions/bench.1');
  await page.getByText('There is no region bench.1').waitFor();
});

check('a device that was found is picked', { expected: [/status of 501/] }, async (page, daemon) => {
  const candidates = ['0000:00:05.0', '0000:00:06.0'].map((name) => ({ plugin: 'guest-linux', name, size: 4194304, vfio: 'open' }));
  await page.route('**/v1/plugins/guest-linux/candidates', (route) => route.fulfill({ json: { candidates } }));
  await enter(page, daemon);
  await page.getByRole('button', { name: 'Attach' }).click();
  const dialog = page.getByRole('dialog', { name: 'Attach a region' });
  await dialog.getByRole('radio', { name: /^guest-linux/ }).check();
  await dialog.getByRole('button', { name: /^0000:00:06\.0/ }).click();
  assert.equal(await dialog.getByLabel(/^device/).inputValue(), '0000:00:06.0');
  assert.equal(await dialog.getByLabel('Name').inputValue(), '0000-00-06.0');
});

check('what others attach and detach is shown at once', {}, async (page, daemon) => {
  await enter(page, daemon);
  await daemon.api('POST', 'regions', { plugin: 'doorbell-server', name: 'other', options: { size: '4K' } });
  const link = page.getByRole('link', { name: 'other', exact: true });
  await link.waitFor();
  await daemon.api('DELETE', 'regions/other');
  await link.waitFor({ state: 'detached' });
});

check('peers are shown, kicked, and forced out', { expected: [/status of 409/] }, async (page, daemon) => {
  await daemon.api('POST', 'regions', { plugin: 'doorbell-server', name: 'crowd', options: { size: '4K', vectors: '2' } });
  const peers = [await daemon.peer('crowd'), await daemon.peer('crowd')];
  await enter(page, daemon, '#/regions/crowd/peers');
  await page.getByRole('row', { name: /node/ }).nth(1).waitFor();
  await page.getByRole('button', { name: 'Kick peer 0' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Kick' }).click();
  await page.getByRole('button', { name: 'Kick peer 0' }).waitFor({ state: 'detached' });
  assert.equal((await daemon.api('GET', 'regions/crowd/peers')).peers.length, 1);

  await page.getByRole('button', { name: 'Detach' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Detach' }).click();
  await dialog.getByRole('alert').getByText('busy').waitFor();
  await dialog.getByRole('checkbox').check();
  await dialog.getByRole('button', { name: 'Detach' }).click();
  await page.getByRole('heading', { name: 'Regions' }).waitFor();
  await until('the end of the region', async () => (await daemon.api('GET', 'regions')).regions.every(({ name }) => name !== 'crowd'));
  for (const peer of peers) peer.destroy();
});

check('a ring goes to whom it is meant for', {}, async (page, daemon) => {
  const before = (await daemon.api('GET', 'regions/lab')).statistics.interrupts_received;
  await enter(page, daemon, '#/regions/lab');
  await page.getByRole('button', { name: 'Ring' }).click();
  const dialog = page.getByRole('dialog', { name: 'Ring in lab' });
  await dialog.getByLabel('Peer').selectOption('255');
  await dialog.getByLabel('Vector').selectOption('3');
  await dialog.getByRole('button', { name: 'Ring', exact: true }).click();
  await dialog.getByText('1 interrupt sent').waitFor();
  await dialog.getByLabel('Vector').selectOption('all');
  await page.keyboard.press('Enter');
  await dialog.getByText('4 interrupts sent').waitFor();
  await until('the interrupts', async () => (await daemon.api('GET', 'regions/lab')).statistics.interrupts_received === before + 5);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  // The light of each vector says what was heard.
  await until('the lights', async () => (await page.locator('.light .light-total').allInnerTexts()).join() === '1,1,1,2');
});

check('who may only look is offered nothing else', {}, async (page, daemon) => {
  await enter(page, daemon, '#/regions/lab', 'viewer');
  await page.getByRole('heading', { name: 'lab' }).waitFor();
  for (const name of ['Ring', 'Detach', 'Attach']) assert.equal(await page.getByRole('button', { name }).count(), 0);
  await page.getByRole('tab', { name: 'Memory' }).click();
  await page.getByText('Its bytes are not for you').waitFor();
});
