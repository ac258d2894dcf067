// SPDX-License-Identifier: LGPL-3.0-or-later
// The daemon goes, and comes back.
import assert from 'node:assert/strict';

import { enter } from './lib/browser.mjs';
import { SERVER, suite } from './lib/suite.mjs';

const check = suite(SERVER);
/** What a browser says of a daemon that is not there, and of a session that has ended. */
const GONE = [/ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED_ENCODING/, /ERR_CONNECTION_RESET/, /ERR_EMPTY_RESPONSE/,
  /ERR_SOCKET_NOT_CONNECTED/, /status of 401/, /WebSocket connection/];

async function logInByToken(page, daemon) {
  await page.goto(daemon.url);
  await page.getByLabel('Link or token').fill(daemon.tokens.admin);
  await page.keyboard.press('Enter');
  await page.locator('.health.good').waitFor();
}

check('a daemon that was killed is missed, and found again', { expected: GONE }, async (page, daemon) => {
  await logInByToken(page, daemon);
  await daemon.ring('lab', 0);
  await page.getByTitle('The newest event that this page has').waitFor();
  await daemon.kill();
  await page.getByRole('alert').getByText('The daemon does not answer').waitFor();
  // What was known stays to be read.
  await page.getByRole('link', { name: 'lab', exact: true }).waitFor();
  await daemon.begin();
  await daemon.api('POST', 'regions', { plugin: 'doorbell-server', name: 'later', options: { size: '4K' } });
  await page.getByRole('alert').waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'later', exact: true }).waitFor();
  // Its events are heard again, and that some were missed is said.
  await page.locator('.health.good').waitFor();
  await daemon.ring('lab', 1);
  await page.getByRole('link', { name: 'Events' }).click();
  const table = page.getByLabel('Events, newest first');
  await table.getByRole('row').filter({ hasText: 'vector 1' }).waitFor();
  await table.getByRole('row').filter({ hasText: 'lost' }).waitFor();
  await daemon.api('DELETE', 'regions/later');
});

check('bytes are followed again', { expected: GONE }, async (page, daemon) => {
  await logInByToken(page, daemon);
  await page.evaluate(() => { location.hash = '#/regions/lab/memory'; });
  await page.locator('.hx .following.watching').waitFor();
  await daemon.kill();
  await page.getByRole('alert').waitFor();
  await daemon.begin();
  await page.getByRole('alert').waitFor({ state: 'detached' });
  await page.locator('.hx .following.watching').waitFor();
  await daemon.write('lab', 3, [0xc3]);
  await page.getByRole('gridcell').nth(3).getByText('c3').waitFor();
});

check('a session by a link ends with the daemon: one is asked again', { expected: GONE }, async (page, daemon) => {
  await enter(page, daemon, '#/regions/lab');
  await daemon.kill();
  await page.getByRole('alert').waitFor();
  await daemon.begin();
  await page.getByText('Your session has ended').waitFor();
  await page.getByLabel('Link or token').fill(await daemon.loginLink());
  await page.keyboard.press('Enter');
  // One is where one was.
  await page.getByRole('heading', { name: 'lab' }).waitFor();
  assert.match(page.url(), /#\/regions\/lab$/);
});
