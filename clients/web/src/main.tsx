// SPDX-License-Identifier: LGPL-3.0-or-later
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';
import './styles/views.css';
import './styles/memory.css';

import { render } from 'preact';

import { startRoute } from './lib/route';
import { startShortcuts } from './lib/shortcuts';
import { startTheme } from './lib/theme';
import { start } from './state/link';
import { App } from './views/app';

startTheme();
startRoute();
startShortcuts();
render(<App />, document.getElementById('app')!);
void start();
