# SPDX-License-Identifier: LGPL-3.0-or-later
"""Waiting with a limit. IVT_TIMEOUT_SCALE stretches every limit (slow machines)."""

import os
import time

SCALE = float(os.environ.get('IVT_TIMEOUT_SCALE', '1'))
PAUSE_SECONDS = 0.005


class Deadline:
    """A point in time to share between several waits."""

    def __init__(self, seconds):
        self.seconds = seconds * SCALE
        self.end = time.monotonic() + self.seconds

    def left(self):
        return max(0.0, self.end - time.monotonic())

    def over(self):
        return self.left() <= 0


def wait_for(condition, timeout=10, what=None, step=None):
    """Calls condition until it returns something true, and returns that.

    step is called between two looks and may block for a short while itself
    (a main loop's iteration); without it the wait pauses for a moment.
    """
    deadline = Deadline(timeout)
    while True:
        value = condition()
        if value:
            return value
        if deadline.over():
            raise TimeoutError(f'waited {deadline.seconds:g} s for {what or condition!r}')
        if step is None:
            time.sleep(PAUSE_SECONDS)
        else:
            step()
