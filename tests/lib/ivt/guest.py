# SPDX-License-Identifier: LGPL-3.0-or-later
"""A Linux guest that runs what the test says.

Its init (tests/guest/init) reads scripts from the serial port, and prints
what they print, marked line by line so that the kernel's own words are told
apart. The kernel and the file system come from tests/guest/kit.py.
"""

import base64
import os
import re
import sys

from .build import SOURCE_DIR
from .qemu import Qemu
from .wait import wait_for

sys.path.insert(0, os.path.join(SOURCE_DIR, 'tests', 'guest'))
import kit  # noqa: E402

KERNEL_ARGUMENTS = ('console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check tsc=reliable '
                    'cryptomgr.notests random.trust_cpu=on')
BOOT_SECONDS = 120
# A tty takes lines of at most 4,095 bytes.
CHUNK = 1024


class GuestError(AssertionError):
    """A script in the guest failed."""


class Guest:
    """args: further arguments of QEMU (devices).

    vfio: an IOMMU, so that a program in the guest gets the device's interrupts; intremap=False: one that
    does not remap them.
    files: {path in the guest: path here} on top of the base (programs with
    their libraries: kit.with_libraries). image: a file system instead of all that.
    wait=False: returns while the guest boots, and wait_ready() is the test's to call.
    """

    def __init__(self, scope, args=(), *, vfio=False, intremap=True, files=None, image=None, memory=128,
                 machine='q35', name='guest', append='', wait=True):
        if image is None:
            image = kit.image(kit.VFIO_MODULES if vfio else [], {'/bin/ivtool': scope.build.ivtool, **(files or {})},
                              os.path.join(scope.make_dir(f'{name}.image'), 'initrd'))
        arguments = KERNEL_ARGUMENTS
        devices = list(args)
        if vfio:
            # Devices that come before the IOMMU are not behind it.
            devices = ['-device', f'intel-iommu,intremap={"on" if intremap else "off"}'] + devices
            arguments += ' intel_iommu=on'
        self.qemu = scope.own(Qemu(scope, devices, machine=machine, memory=memory, kernel=kit.kernel(), initrd=image,
                                   append=f'{arguments} {append}', name=name))
        self.count = 0
        if wait:
            self.wait_ready()

    def wait_ready(self):
        self.wait_line('@@ready', BOOT_SECONDS)

    def wait_line(self, start, timeout):
        """The first line of the serial port that starts so."""
        def look():
            # A line that is still on its way is none yet.
            for line in self.qemu.serial().rpartition('\n')[0].splitlines():
                if line.startswith(start):
                    return line
            self.qemu.must_run()
            return None
        return wait_for(look, timeout, f'{start!r} from the guest')

    def begin(self, script):
        """Sends a script, and does not wait for its end. Its number is for result()."""
        self.count += 1
        encoded = base64.b64encode(script.encode()).decode()
        for at in range(0, len(encoded), CHUNK):
            self.qemu.write(f'+{encoded[at:at + CHUNK]}\n')
        self.qemu.write(f'!{self.count}\n')
        return self.count

    def output(self, number):
        """What script `number` has printed so far."""
        text = self.qemu.serial().replace('\r', '')
        found = re.search(rf'^@@begin {number}$(.*?)(^@@end {number} |\Z)', text, re.M | re.S)
        if found is None:
            return ''
        return ''.join(line[2:] + '\n' for line in found.group(1).split('\n') if line.startswith('| '))

    def idle(self):
        """Every script has ended."""
        return self.count == 0 or re.search(rf'^@@end {self.count} ', self.qemu.serial(), re.M) is not None

    def result(self, number, timeout=120):
        """The script's output, when it has ended; an exit code but 0 is an error."""
        code = int(self.wait_line(f'@@end {number} ', timeout).split()[2])
        if code != 0:
            raise GuestError(f'script {number} in the guest ended with {code}:\n{self.output(number)}')
        return self.output(number)

    def sh(self, script, timeout=120):
        return self.result(self.begin(script), timeout)

    def wait_output(self, number, text, timeout=120):
        """Until a running script has printed text."""
        def look():
            self.qemu.must_run()
            return text in self.output(number)
        wait_for(look, timeout, f'{text!r} from script {number}')

    def power_off(self, timeout=60):
        self.qemu.write('.\n')
        return self.qemu.wait_exit(timeout)
