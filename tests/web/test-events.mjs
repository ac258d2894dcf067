// SPDX-License-Identifier: LGPL-3.0-or-later
// The event log: live, filtered, paused.
import assert from 'node:assert/strict';

import { enter } from './lib/browser.mjs';
import { SERVER, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const check = suite(`${SERVER}[region pit]\nplugin=doorbell-server\nsize=4K\nvectors=1\n`);

const rows = (page) => page.getByLabel('Events, newest first').getByRole('row');

async function live(page) {
  await page.locator('.health.good').waitFor();
}

check('a ring from outside is heard', {}, async (page, daemon) => {
  await enter(page, daemon, '#/events');
  await live(page);
  await daemon.ring('lab', 2);
  await rows(page).filter({ hasText: 'interrupt' }).filter({ hasText: 'lab' }).filter({ hasText: 'vector 2' }).waitFor();
  const peer = await daemon.peer('lab');
  await rows(page).filter({ hasText: 'peer-connected' }).waitFor();
  peer.destroy();
  await rows(page).filter({ hasText: 'peer-disconnected' }).waitFor();
});

check('it is filtered by type, region and words', {}, async (page, daemon) => {
  await enter(page, daemon, '#/events');
  await live(page);
  await daemon.ring('lab', 1);
  await daemon.ring('pit', 0);
  await daemon.api('POST', 'regions', { plugin: 'doorbell-server', name: 'brief', options: { size: '4K' } });
  await daemon.api('DELETE', 'regions/brief');
  await rows(page).filter({ hasText: 'region-detached' }).waitFor();
  await page.getByRole('button', { name: /^interrupt/ }).click();
  await until('no interrupts', async () => await rows(page).filter({ hasText: 'interrupt' }).count() === 0);
  await page.getByRole('button', { name: /^interrupt/ }).click();
  await page.getByLabel('Region', { exact: true }).selectOption('pit');
  await until('only that region', async () => await rows(page).count() === 1);
  await page.getByLabel('Region', { exact: true }).selectOption('');
  await page.keyboard.press('/');
  await page.getByLabel('Filter the events').fill('vector 1');
  await until('only that vector', async () => await rows(page).count() === 1 && /lab/.test(await rows(page).innerText()));
});

check('it is paused, says what came meanwhile, and goes on', {}, async (page, daemon) => {
  await enter(page, daemon, '#/regions/lab/events');
  await live(page);
  await daemon.ring('lab', 0);
  await until('the first', async () => await rows(page).count() === 1);
  await page.keyboard.press('p');
  for (const vector of [1, 2, 3]) await daemon.ring('lab', vector);
  await daemon.ring('pit', 0);
  await page.getByText('3 new').waitFor();
  assert.equal(await rows(page).count(), 1);
  await page.getByRole('button', { name: /^Resume/ }).click();
  await until('all of them', async () => await rows(page).count() === 4);
  await page.getByRole('button', { name: 'Clear' }).click();
  await until('none', async () => await rows(page).count() === 0);
});

check('a storm of events is borne', {}, async (page, daemon) => {
  await enter(page, daemon, '#/events');
  await live(page);
  const storm = async () => { for (let i = 0; i < 1500; i++) await daemon.ring('lab', i % 4); };
  await Promise.all([storm(), storm(), storm(), storm()]);
  await daemon.ring('pit', 0);
  await rows(page).filter({ hasText: 'pit' }).first().waitFor();
  // Rows that are out of sight are not there.
  assert.ok(await rows(page).count() < 80);
  await page.getByText(/the newest 5\s000 are kept/).waitFor();
});
