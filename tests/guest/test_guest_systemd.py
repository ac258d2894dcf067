# SPDX-License-Identifier: LGPL-3.0-or-later
"""The service in a guest whose process 1 is systemd, as docs/guests.md has it: units, users, rules, drop-in."""

import doctest
import json
import os
import re
import shlex
import time
import xml.etree.ElementTree

import pytest

import debian
from ivt import Qemu, wait_for
from ivt.build import SOURCE_DIR
from ivt.http import Http, make_token
from ivt.live import Events

MIB = 1 << 20
VECTORS = 4
DAEMON = 255
LIMIT = 60
HTTP_PORT = 8080
DEVICE = '0000:00:05.0'
PLAIN = '0000:00:06.0'

# Besides that of the document.
CONFIG = f'''[daemon]
log-level=debug
[http]
listen=0.0.0.0:{HTTP_PORT}
insecure=true
[region later]
plugin=guest-linux
device=size:2M
hotplug=true
'''
KERNEL = ('intel_iommu=on net.ifnames=0 rdinit=/init-systemd systemd.unit=multi-user.target '
          'systemd.show_status=0')
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(language):
    """(text, line) of each block of that language in docs/guests.md."""
    with open(os.path.join(SOURCE_DIR, 'docs', 'guests.md'), encoding='utf-8') as file:
        text = file.read()
    return [(match.group(2), text.count('\n', 0, match.start()) + 2)
            for match in re.finditer(r'^```(\w+)\n(.*?)^```$', text, re.M | re.S) if match.group(1) == language]


class System:
    """The guest, and the host's regions that it joins."""

    def __init__(self, ivt):
        bus = ivt.bus()
        ivt.daemon(bus)
        client = ivt.client(bus)
        self.host, self.second = [client.attach('doorbell-server', name, size=size * MIB, vectors=VECTORS)
                                  for name, size in (('first', 1), ('second', 2))]
        self.secret, line = make_token()
        files = self.files(ivt, f'test {line} admin\n')
        network = ['-netdev', f'user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:0-:{HTTP_PORT}',
                   '-device', 'virtio-net-pci,netdev=network,romfile=']
        # With random numbers from the processor nobody waits for the kernel to gather some.
        self.guest = ivt.guest([
            '-cpu', 'qemu64,+rdrand', '-device', 'intel-iommu,intremap=on', *network,
            *Qemu.doorbell(self.host.get('Options')['socket'], VECTORS, addr='0x5'),
            '-object', 'memory-backend-ram,id=plain,size=4M,share=on', '-device', 'ivshmem-plain,memdev=plain,addr=0x6',
            '-device', 'pcie-root-port,id=socket0,chassis=1',
        ], files=files, append=KERNEL, memory=512)
        self.ivt = ivt
        self.guest.sh('until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done\n'
                      'ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0')
        self.address = '127.0.0.1', self.guest.qemu.forwarded_ports()[HTTP_PORT]
        self.http = Http(self.address, self.secret)

    def files(self, ivt, tokens):
        installed = debian.installed(ivt)
        self.prefix = debian.prefix(installed)
        etc = '/etc' if self.prefix == '/usr' else f'{self.prefix}/etc'
        programs = {path: source for path, source in installed.items()
                    if path.startswith(f'{self.prefix}/bin/') or path.endswith('.so')}
        credential = f'[Service]\nLoadCredential=ivshmemd.tokens:{etc}/ivshmemd/tokens\n'
        own = {**installed, **debian.kit.with_libraries(programs),
               **debian.modules(ivt, debian.VFIO + debian.NETWORK),
               # Where Debian's bus looks.
               '/etc/dbus-1/system.d/org.ivshmem.Daemon1.conf':
                   installed[f'{self.prefix}/share/dbus-1/system.d/org.ivshmem.Daemon1.conf'],
               f'{etc}/ivshmemd/ivshmemd.conf': ivt.file('guest.conf', CONFIG + blocks('ini')[0][0]),
               f'{etc}/ivshmemd/tokens': ivt.file('tokens', tokens),
               '/etc/systemd/system/ivshmemd.service.d/tokens.conf': ivt.file('tokens.conf', credential)}
        return debian.systemd(ivt, [('multi-user.target', 'ivshmemd.service'), ('sockets.target', 'ivshmemd.socket')],
                              own)

    def sh(self, script):
        return self.guest.sh(script, timeout=LIMIT)

    def show(self, *properties):
        """What systemd says of the service."""
        lines = self.sh(f'systemctl show ivshmemd -p {",".join(properties)}').splitlines()
        return dict(line.split('=', 1) for line in lines)

    def status(self):
        """/proc/PID/status of the daemon."""
        text = self.sh('cat /proc/$(systemctl show -P MainPID ivshmemd)/status')
        return dict(line.split(':\t', 1) for line in text.splitlines())

    def region(self, name):
        return self.http.get(f'/v1/regions/{name}').json()

    def wait_region(self, name):
        """Until it is ready, as seen over TCP."""
        def look():
            try:
                answer = self.http.get(f'/v1/regions/{name}')
            except OSError:
                # The daemon is not yet listening.
                return None
            return answer.json() if answer.status == 200 and answer.json()['state'] == 'ready' else None
        try:
            return wait_for(look, LIMIT, f'region {name} in the guest', lambda: time.sleep(0.2))
        except TimeoutError:
            pytest.fail(self.sh('systemctl --no-pager status ivshmemd; journalctl --no-pager -o cat -u ivshmemd | tail -60'))

    def rings_arrive(self, name, host):
        """From the host to the daemon in the guest, and back."""
        events = self.ivt.own(Events(self.address, f'?region={name}&type=interrupt', token=self.secret))
        signals = host.subscribe()
        (peer,) = host.peers()
        for vector in (3, 0, 2):
            assert host.ring(peer, vector) == 1
            event = events.take(LIMIT)
            assert (event['vector'], event['count']) == (vector, 1)
            assert self.http.ask('POST', f'/v1/regions/{name}/ring', data={'peer': DAEMON, 'vector': vector}).status < 300
            assert signals.wait('Interrupt', timeout=LIMIT) == (vector, 1)
            signals.clear()
        signals.stop()


@pytest.fixture(scope='module')
def system(module_ivt):
    system = System(module_ivt)
    system.wait_region('lab')
    return system


def test_sandbox(system):
    """Its own user, one capability at most, and everything else as the unit says."""
    assert system.show('ActiveState', 'User') == {'ActiveState': 'active', 'User': 'ivshmemd'}
    status = system.status()
    uid = system.sh('id -u ivshmemd').strip()
    assert uid != '0' and status['Uid'].split() == [uid] * 4
    assert int(status['CapEff'], 16) == int(status['CapBnd'], 16) == 1  # CAP_CHOWN
    assert (status['NoNewPrivs'], status['Seccomp']) == ('1', '2')


def test_attached_at_boot_with_interrupts(system):
    region = system.region('lab')
    assert region['size'] == MIB
    assert region['options']['access'] == 'vfio'
    assert {'ring', 'receive', 'own-id'} <= set(region['capabilities'])
    assert [region['own_id']] == list(system.host.peers())
    system.rings_arrive('lab', system.host)


def test_bytes(system):
    path = '/v1/regions/lab/memory'
    assert system.http.ask('PUT', f'{path}?offset=4096', body=b'from the guest').status == 204
    assert system.host.read(4096, 14) == b'from the guest'
    system.host.write(8192, b'from the host')
    assert system.http.get(f'{path}?offset=8192&length=13').body == b'from the host'


def test_command_line_in_the_guest(system):
    """On the system's bus, by its policy."""
    shown = json.loads(system.sh(f'{system.prefix}/bin/ivshmemctl --json show lab'))
    assert shown['state'] == 'ready'


def test_hot_plug(system):
    """Netlink, udev and the daemon's rule, through the sandbox."""
    system.guest.qemu.plug(system.second.get('Options')['socket'], VECTORS, 'hot', bus='socket0')
    assert system.wait_region('later')['size'] == 2 * MIB
    system.rings_arrive('later', system.second)


# The document.

def test_commands(system):
    """What they print is what the page shows."""
    for text, line in blocks('console'):
        for command, expected in re.findall(r'^\$ (.*)\n((?:(?!\$ ).*\n)*)', text, re.M):
            printed = system.sh(f'export PATH={system.prefix}/bin:$PATH\n{command} 2>&1 || :')
            if not doctest.OutputChecker().check_output(expected, printed, FLAGS):
                pytest.fail(f'docs/guests.md:{line}: $ {command}\nis to print:\n{expected}\nbut prints:\n{printed}',
                            pytrace=False)


def test_qemu_arguments(ivt, client):
    """QEMU takes them, and the device is where the configuration looks for it."""
    region = client.attach('doorbell-server', 'lab', size=MIB, vectors=VECTORS)
    [command] = [text for text, _line in blocks('sh') if text.startswith('qemu-system')]
    command = command.replace('\\\n', '').replace('/run/ivshmemd/lab.sock', region.get('Options')['socket'])
    words = shlex.split(command)
    machine, rest = words[words.index('-machine') + 1], words[words.index('-m') + 2:]
    assert machine == 'q35,accel=kvm,kernel-irqchip=split'
    qemu = ivt.qemu(rest)
    [bus] = qemu.qmp.command('query-pci')
    [slot] = [device['slot'] for device in bus['devices'] if device['id']['device'] == 0x1110]
    assert DEVICE == f'0000:00:{slot:02x}.0'
    assert f'device={DEVICE}\n' in blocks('ini')[0][0]


def test_libvirt_xml():
    [(text, _line)] = blocks('xml')
    domain = xml.etree.ElementTree.fromstring(text)
    address = domain.find('devices/shmem/address').attrib
    assert DEVICE == '{:04x}:{:02x}:{:02x}.{:x}'.format(
        *(int(address[name], 16) for name in ('domain', 'bus', 'slot', 'function')))
    assert domain.find('devices/iommu/driver').get('intremap') == 'on'


# The last: it changes what the others found.

def attach_by_sysfs(system):
    options = {'device': PLAIN, 'access': 'sysfs', 'memory': 'uc'}
    return system.http.ask('POST', '/v1/regions', data={'name': 'plain', 'plugin': 'guest-linux', 'options': options})


def test_drop_in(system):
    """Write-combined memory, and memory without vfio, need files of sysfs, and have them by the drop-in alone."""
    assert system.region('lab')['options']['memory'] == 'uc'
    refused = attach_by_sysfs(system)
    assert refused.status >= 400 and 'guest-sysfs.conf' in refused.json()['detail'], refused
    system.sh(f'''
      for address in {DEVICE} {PLAIN}; do
        sed s/0000:00:05.0/$address/ {system.prefix}/share/doc/ivshmemd/guest-sysfs.conf \
          >/etc/systemd/system/ivshmemd.service.d/$address.conf
      done
      systemctl daemon-reload
      systemctl restart ivshmemd
    ''')
    region = system.wait_region('lab')
    assert (region['options']['access'], region['options']['memory']) == ('vfio', 'wc')
    assert 'memory-fd' in region['capabilities']
    system.rings_arrive('lab', system.host)
    test_bytes(system)
    assert attach_by_sysfs(system).status == 201
    assert system.http.ask('PUT', '/v1/regions/plain/memory?offset=4096', body=b'by sysfs').status == 204
    assert system.http.get('/v1/regions/plain/memory?offset=4096&length=8').body == b'by sysfs'
    assert int(system.status()['CapEff'], 16) == 0
