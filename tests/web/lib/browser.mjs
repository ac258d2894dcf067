// SPDX-License-Identifier: LGPL-3.0-or-later
// A real Chromium, and pages in it that may not complain and ask nobody but the daemon.
import assert from 'node:assert/strict';

import { chromium } from './packages.mjs';

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];
const TIMEOUT_MS = 20000;

export async function launch() {
  return chromium.launch({ executablePath: process.env.IVT_CHROMIUM ?? '/usr/bin/chromium', args: ARGUMENTS, timeout: 60000 });
}

/**
 * Runs body with a fresh page, then asserts that nothing went wrong in it.
 * expected: what the console may say besides, as when the daemon refuses.
 */
export async function withPage(browser, daemon, { expected = [], ...context }, body) {
  const made = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', ...context });
  made.setDefaultTimeout(TIMEOUT_MS);
  const page = await made.newPage();
  const complaints = [];
  const foreign = [];
  const complain = (text) => { if (!expected.some((pattern) => pattern.test(text))) complaints.push(text); };
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complain(`${message.text()} ${message.location().url}`); });
  page.on('pageerror', (error) => complain(error.stack));
  page.on('request', (request) => { if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(daemon.url)) foreign.push(request.url()); });
  page.on('websocket', (socket) => { if (!socket.url().startsWith(daemon.url.replace('http', 'ws'))) foreign.push(socket.url()); });
  try {
    await body(page);
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  } catch (error) {
    const words = await page.locator('body').innerText({ timeout: 1000 }).catch(() => '');
    error.message += `\nThe page says:\n${words.slice(0, 2000)}\nIts console: ${complaints.join('\n')}`;
    throw error;
  } finally {
    await made.close();
  }
}

/** In, by a link of that role. */
export async function enter(page, daemon, where = '', role = 'admin') {
  await page.goto(await daemon.loginLink(role));
  await page.locator('.status .health').waitFor();
  if (where) await page.evaluate((hash) => { location.hash = hash; }, where);
}
