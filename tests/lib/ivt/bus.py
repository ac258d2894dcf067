# SPDX-License-Identifier: LGPL-3.0-or-later
"""A message bus of the test's own."""

import os

from .process import Process

# Whoever may connect may do anything, as on a session bus. Who may connect is
# the bus's own user, or with `everybody` every user of the machine.
CONFIG = '''<?xml version="1.0"?>
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{type}</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    {everybody}
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="max_message_size">128000000</limit>
  <limit name="max_completed_connections">10000</limit>
  <limit name="max_connections_per_user">10000</limit>
  <limit name="max_match_rules_per_connection">50000</limit>
  <limit name="max_replies_per_connection">50000</limit>
</busconfig>
'''


class Bus:
    """everybody=True lets other uids connect (to test who may do what; for root only)."""

    def __init__(self, directory, name='bus', everybody=False):
        self.socket = os.path.join(directory, name)
        config = os.path.join(directory, f'{name}.conf')
        with open(config, 'w', encoding='utf-8') as file:
            file.write(CONFIG.format(
                socket=self.socket, type='system' if everybody else 'session',
                everybody='<allow user="*"/>' if everybody else ''))
        self.process = Process(['dbus-daemon', '--nofork', '--nopidfile', '--print-address',
                                '--config-file', config], directory, f'dbus-daemon-{name}')
        self.address = f'unix:path={self.socket}'

    def wait_ready(self):
        """The address is printed once the bus listens."""
        self.process.wait_out('unix:')
        return self

    def stop(self):
        self.process.signal(15)
        self.process.wait()

    def sections(self):
        yield from self.process.sections()
