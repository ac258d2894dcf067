// SPDX-License-Identifier: LGPL-3.0-or-later
// In by a link or a token, and out again.
import assert from 'node:assert/strict';

import { enter } from './lib/browser.mjs';
import { SERVER, suite } from './lib/suite.mjs';

const check = suite(SERVER);
const REFUSED = [/status of 401/];

check('a link logs in, and leaves nothing in the address', {}, async (page, daemon) => {
  await enter(page, daemon);
  assert.equal(page.url(), daemon.url);
  await page.getByRole('link', { name: 'lab', exact: true }).waitFor();
  const [cookie] = await page.context().cookies();
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, 'Strict');
  await page.reload();
  await page.getByRole('link', { name: 'lab', exact: true }).waitFor();
  assert.equal(await page.evaluate(() => document.cookie), '');
});

check('a link counts once', { expected: REFUSED }, async (page, daemon) => {
  const link = await daemon.loginLink();
  await page.goto(link);
  await page.locator('.status .health').waitFor();
  await page.context().clearCookies();
  await page.goto('about:blank');
  await page.goto(link);
  await page.getByText('The link did not work').waitFor();
  assert.equal(page.url(), daemon.url);
});

check('without a session one is asked to log in, and a token does', { expected: REFUSED }, async (page, daemon) => {
  await page.goto(daemon.url);
  const field = page.getByLabel('Link or token');
  await field.fill('ivs_wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  await field.fill(daemon.tokens.viewer);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('link', { name: 'lab', exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Attach' }).count(), 0);
});

check('a pasted link does as well', { expected: REFUSED }, async (page, daemon) => {
  await page.goto(daemon.url);
  await page.getByLabel('Link or token').fill(await daemon.loginLink());
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'lab', exact: true }).waitFor();
});

check('who logs out is out', { expected: REFUSED }, async (page, daemon) => {
  await enter(page, daemon);
  await page.getByRole('button', { name: /^Session of/ }).click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByLabel('Link or token').waitFor();
  await page.reload();
  await page.getByLabel('Link or token').waitFor();
});
