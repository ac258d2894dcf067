# SPDX-License-Identifier: LGPL-3.0-or-later
"""The pytest side: fixtures, logs of a failed test, and skips that are loud.

A skip says why. Where tests must not be skipped (CI=true or IVT_NO_SKIP=1)
one fails the run, unless its reason begins with `allowed:`. Those are for
what a machine cannot be made to have by installing packages: hugepages that
the kernel does not hand out, another user's rights when not run as root.
"""

import os

import pytest

from .client import Client
from .scope import Scope

ALLOWED = 'allowed:'
EXIT_SKIPPED = 77
NO_SKIP = os.environ.get('CI') == 'true' or os.environ.get('IVT_NO_SKIP') == '1'


@pytest.fixture
def ivt():
    scope = Scope()
    yield scope
    scope.end()


@pytest.fixture(scope='module')
def module_ivt():
    """For what is too dear to make for each test: a guest that boots."""
    scope = Scope()
    yield scope
    scope.end()


@pytest.fixture
def bus(ivt):
    return ivt.bus()


@pytest.fixture
def daemon(ivt, bus):
    """A daemon without regions on a bus of its own."""
    return ivt.daemon(bus)


@pytest.fixture
def client(ivt, bus, daemon):
    """A client of that daemon."""
    assert daemon.process.running()
    return ivt.own(Client(bus.address))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for scope in getattr(item, 'funcargs', {}).values():
            if isinstance(scope, Scope):
                report.sections.extend(scope.sections())


class Skips:
    """Counts, and decides about the exit code."""

    def __init__(self):
        self.refused = []
        self.skipped = 0
        self.passed = 0

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            self.count(report.nodeid, report.longrepr)
        elif report.when == 'call' and report.passed:
            self.passed += 1

    def pytest_collectreport(self, report):
        if report.skipped:
            self.count(report.nodeid, report.longrepr)

    def count(self, node, why):
        reason = why[2] if isinstance(why, tuple) else str(why)
        reason = reason[len('Skipped: '):] if reason.startswith('Skipped: ') else reason
        self.skipped += 1
        if not reason.startswith(ALLOWED):
            self.refused.append(f'{node}: {reason}')

    def pytest_sessionfinish(self, session, exitstatus):
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return
        if NO_SKIP and self.refused:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif self.skipped and not self.passed:
            session.exitstatus = EXIT_SKIPPED

    def pytest_terminal_summary(self, terminalreporter):
        if NO_SKIP:
            for line in self.refused:
                terminalreporter.write_line(f'FAILED: must not be skipped here: {line}', red=True)


def pytest_configure(config):
    config.pluginmanager.register(Skips(), 'ivt-skips')
