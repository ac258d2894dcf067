// SPDX-License-Identifier: LGPL-3.0-or-later
// One daemon and one browser for the cases of a file.
import { after, before, test } from 'node:test';

import { launch, withPage } from './browser.mjs';
import { Daemon } from './daemon.mjs';

const CASE_MS = 120000;

export function suite(regions) {
  const own = {};
  before(async () => {
    own.daemon = await Daemon.start(regions);
    own.browser = await launch();
  });
  after(async () => {
    await own.browser?.close();
    await own.daemon?.end();
  });
  /** A case: body gets a page and the daemon. */
  return (name, options, body) => test(name, { timeout: CASE_MS },
    () => withPage(own.browser, own.daemon, options, (page) => body(page, own.daemon)));
}

export const SERVER = '[region lab]\nplugin=doorbell-server\nsize=1M\nvectors=4\n';
