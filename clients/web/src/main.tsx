// SPDX-License-Identifier: LGPL-3.0-or-later
import './app.css';

import { render } from 'preact';

render(<h1>ivshmemd</h1>, document.getElementById('app')!);
