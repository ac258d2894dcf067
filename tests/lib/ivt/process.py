# SPDX-License-Identifier: LGPL-3.0-or-later
"""A child that is ended by its pid, never outlives the test, and whose sanitizers are heard."""

import glob
import os
import shutil
import signal
import subprocess

from .wait import SCALE, wait_for

SANITIZER_EXIT = 23
LOG_TAIL_BYTES = 16384


class TestFailure(AssertionError):
    """What the harness itself found wrong."""

    __test__ = False


def sanitizer_environment(log_prefix):
    """Reports go to files, so that a child that closes or fills stderr hides nothing."""
    # The leak check of gcc 12 falls over the thread-local storage of TLS libraries.
    leaks = 'detect_leaks=1:intercept_tls_get_addr=0'
    common = f'exitcode={SANITIZER_EXIT}:log_path={log_prefix}'
    # A library that stands in for the system's (umockdev's) comes before the sanitizer's, whose
    # runtime opens its log too early for it: its reports go to stderr then.
    if 'LD_PRELOAD' in os.environ:
        leaks += ':verify_asan_link_order=0'
        common = f'exitcode={SANITIZER_EXIT}'
    return {
        'ASAN_OPTIONS': f'{leaks}:strict_string_checks=1:{common}',
        'UBSAN_OPTIONS': f'print_stacktrace=1:halt_on_error=1:{common}',
        'TSAN_OPTIONS': ':'.join(filter(None, [os.environ.get('TSAN_OPTIONS'), common])),
    }


def for_others(program, directory):
    """Where another user can run it: a tree below somebody's home is closed to them."""
    folder = os.path.dirname(program)
    while folder not in ('', '/') and os.stat(folder).st_mode & 0o001:
        folder = os.path.dirname(folder)
    if folder in ('', '/'):
        return program
    copy = os.path.join(directory, os.path.basename(program))
    if not os.path.exists(copy):
        shutil.copy(program, copy)
        os.chmod(copy, 0o755)
    return copy


def tail(path, size=LOG_TAIL_BYTES):
    try:
        with open(path, 'rb') as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - size))
            text = file.read().decode('utf-8', 'replace')
    except FileNotFoundError:
        return ''
    return text if length <= size else '[...]\n' + text.split('\n', 1)[-1]


class Process:
    """Runs argv; standard output and error go to files in directory.

    stdin: None for /dev/null, subprocess.PIPE to write to self.stdin.
    user: a (uid, gid) to run as, for which the test must be root.
    """

    def __init__(self, argv, directory, name=None, env=None, stdin=None, user=None, pass_fds=(), cwd=None):
        self.argv = [str(word) for word in argv]
        if user is not None:
            self.argv[0] = for_others(self.argv[0], directory)
        self.name = name or os.path.basename(self.argv[0])
        self.stdout_path = os.path.join(directory, f'{self.name}.out')
        self.stderr_path = os.path.join(directory, f'{self.name}.err')
        self.sanitizer_prefix = os.path.join(directory, f'{self.name}.sanitizer')
        environment = {**os.environ, **sanitizer_environment(self.sanitizer_prefix), **(env or {})}
        environment = {key: value for key, value in environment.items() if value is not None}
        extra = {} if user is None else {'user': user[0], 'group': user[1], 'extra_groups': []}
        # When the test dies, its children do: a time limit of meson leaves nothing running.
        guard = ['setpriv', '--pdeathsig', 'KILL', '--'] if shutil.which('setpriv') else []
        with open(self.stdout_path, 'wb') as out, open(self.stderr_path, 'wb') as err:
            self.child = subprocess.Popen(
                guard + self.argv, stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=out, stderr=err, env=environment, cwd=cwd, pass_fds=pass_fds, **extra)
        self.stdin = self.child.stdin
        self.pid = self.child.pid

    def running(self):
        return self.child.poll() is None

    def wait(self, timeout=30):
        """The exit code; below zero it is a signal's number."""
        try:
            return self.child.wait(timeout * SCALE)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f'{self.name} (pid {self.pid}) did not end within {timeout * SCALE:g} s') from None

    def signal(self, number):
        if self.running():
            os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait()
        self.close()

    def close(self):
        if self.stdin is not None:
            try:
                self.stdin.close()
            except BrokenPipeError:
                pass

    def out(self):
        with open(self.stdout_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def err(self):
        with open(self.stderr_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def wait_out(self, text, timeout=30):
        return self.wait_text(self.out, text, timeout)

    def wait_err(self, text, timeout=30):
        return self.wait_text(self.err, text, timeout)

    def wait_text(self, read, text, timeout):
        def look():
            ended = not self.running()
            if text in read():
                return True
            if ended:
                self.fail(f'ended before it said {text!r}')
            return False
        return wait_for(look, timeout, f'{text!r} from {self.name}')

    def fail(self, message):
        raise TestFailure(f'{self.name} {message}; its log ends:\n{tail(self.stderr_path)}')

    def sanitizer_reports(self):
        return ''.join(tail(path) for path in sorted(glob.glob(self.sanitizer_prefix + '*')))

    def check(self, expected=0):
        """Ended as expected, and no sanitizer had anything to say."""
        reports = self.sanitizer_reports()
        if reports:
            raise TestFailure(f'{self.name}: a sanitizer reports:\n{reports}')
        code = self.child.returncode
        if expected is not None and code != expected:
            self.fail(f'ended with {code}, not {expected}')

    def sections(self):
        """Titles and texts to show when the test failed."""
        yield f'{self.name} (pid {self.pid}, {self.child.returncode}): {" ".join(self.argv)}', \
            tail(self.stdout_path) + tail(self.stderr_path) + self.sanitizer_reports()
