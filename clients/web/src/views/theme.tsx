// SPDX-License-Identifier: LGPL-3.0-or-later
import { nextTheme, theme } from '../lib/theme';
import { Icon } from '../ui/icon';

const WORDS = { auto: 'as the system has it', light: 'light', dark: 'dark' };

export function ThemeButton() {
  const label = `Colours: ${WORDS[theme.value]}`;
  return (
    <button type="button" class="quiet square" aria-label={label} title={`${label} (t)`} onClick={nextTheme}>
      <Icon name={theme.value} />
    </button>
  );
}
