// SPDX-License-Identifier: LGPL-3.0-or-later
// Light and dark, keyboard alone, small screens, and what a checker of accessibility finds.
import assert from 'node:assert/strict';

import { enter } from './lib/browser.mjs';
import { axe } from './lib/packages.mjs';
import { SERVER, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const check = suite(SERVER);
const VIEWS = ['#/regions', '#/regions/lab', '#/regions/lab/memory', '#/regions/lab/peers', '#/regions/lab/events', '#/events', '#/bridges'];

const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const focused = (page) => page.evaluate(() => document.activeElement.textContent || document.activeElement.getAttribute('aria-label'));

async function audit(page, where) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
  const told = violations.map(({ id, help, nodes }) => `${where}: ${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n  ')}`);
  assert.deepEqual(told, []);
}

async function show(page, where) {
  await page.evaluate((hash) => { location.hash = hash; }, where);
  await page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('.loading'));
}

for (const colorScheme of ['light', 'dark']) {
  check(`nothing to complain of, ${colorScheme}`, { colorScheme, reducedMotion: 'reduce', expected: [/status of (401|501)/] }, async (page, daemon) => {
    await page.goto(daemon.url);
    await page.getByLabel('Link or token').waitFor();
    await audit(page, 'login');
    const peer = await daemon.peer('lab');
    await enter(page, daemon);
    for (const where of VIEWS) {
      await show(page, where);
      await audit(page, where);
    }
    for (const key of ['?', 'a']) {
      await page.keyboard.press(key);
      await page.getByRole('dialog').waitFor();
      await page.waitForFunction(() => document.querySelector('dialog').getAnimations().length === 0);
      await audit(page, `the dialog of ${key}`);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    peer.destroy();
  });
}

check('colours follow the system, unless one says otherwise', {}, async (page, daemon) => {
  await enter(page, daemon);
  const light = await ground(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await ground(page);
  assert.notEqual(dark, light);
  await page.keyboard.press('t');
  assert.equal(await ground(page), light);
  await page.reload();
  await page.locator('.status .health').waitFor();
  assert.equal(await ground(page), light);
  await page.keyboard.press('t');
  assert.equal(await ground(page), dark);
  await page.emulateMedia({ colorScheme: 'light' });
  assert.equal(await ground(page), dark);
});

check('all is reached by keys', {}, async (page, daemon) => {
  await enter(page, daemon);
  await page.getByRole('link', { name: 'lab', exact: true }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Skip to the content');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await until('the filter', async () => await page.evaluate(() => document.activeElement.matches('[data-filter], th a')));
  await page.getByRole('link', { name: 'lab', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'lab' }).waitFor();
  await page.getByRole('tab', { name: 'Overview' }).focus();
  await page.keyboard.press('ArrowRight');
  await until('the next tab', async () => /^Memory/.test(await focused(page)));
  await page.getByRole('grid').waitFor();
  await page.keyboard.press('4');
  await page.getByLabel('Events, newest first').waitFor();
  await page.keyboard.press('r');
  await page.getByRole('dialog', { name: 'Ring in lab' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'ring-peer');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('g');
  await page.keyboard.press('b');
  await page.getByRole('heading', { name: 'Bridges', exact: true }).waitFor();
});

check('it fits a phone', { viewport: { width: 360, height: 740 }, hasTouch: true }, async (page, daemon) => {
  await enter(page, daemon);
  for (const where of VIEWS) {
    await show(page, where);
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide[0] <= wide[1], `${where} is ${wide[0]} wide, and ${wide[1]} there is`);
  }
});
