# SPDX-License-Identifier: LGPL-3.0-or-later
"""The guest kit itself, against a server in plain Python: what the other guest tests stand on."""

import os

import pytest

from ivt.guest import GuestError

VECTORS = 4


@pytest.fixture
def joined(ivt, request):
    """A guest whose device has joined a scripted server: (guest, own eventfds, the other peer's eventfds)."""
    server = ivt.server()
    own, other = server.eventfds(VECTORS), server.eventfds(VECTORS)
    qemu = ['-chardev', f'socket,path={server.path},id=c',
            '-device', f'ivshmem-doorbell,vectors={VECTORS},chardev=c']
    guest = ivt.guest(qemu, vfio=request.param, wait=False)
    server.greet(server.accept(), 7, own, [(3, other)])
    guest.wait_ready()
    return guest, server, own, other


def rung(fd):
    return os.eventfd_read(fd)


@pytest.mark.parametrize('joined', [False], indirect=True)
def test_without_driver(joined):
    guest, server, own, other = joined
    assert guest.sh('ivtool id') == '7\n'
    assert guest.sh('ivtool size') == f'{1 << 20}\n'

    os.pwrite(server.memory_fd, b'from the host', 4096)
    assert bytes.fromhex(guest.sh('ivtool read 4096 13')) == b'from the host'
    guest.sh('ivtool write 1048572 cafe0001')
    assert os.pread(server.memory_fd, 4, 1048572) == bytes.fromhex('cafe0001')

    guest.sh('ivtool ring 3 2')
    assert rung(other[2]) == 1
    guest.sh('ivtool arm')
    assert guest.sh('ivtool pending') == ''
    os.eventfd_write(own[1], 1)
    guest.sh('ivtool await-pending 1 30')
    assert guest.sh('ivtool pending') == '1\n'


@pytest.mark.parametrize('joined', [True], indirect=True)
def test_with_vfio(joined):
    guest, _server, own, other = joined
    number = guest.begin('ivtool interrupts 2 60 3')
    guest.wait_output(number, 'ready')
    os.eventfd_write(own[3], 1)
    guest.wait_output(number, 'vector 3')
    os.eventfd_write(own[0], 1)
    assert guest.result(number) == 'ready\nvector 3\nvector 0\n'
    assert [rung(other[3]), rung(other[0])] == [1, 1]


def test_scripts(ivt):
    """Output, exit codes and power off, on a guest without the device."""
    guest = ivt.guest()
    assert guest.sh('echo one; echo two') == 'one\ntwo\n'
    assert guest.sh('x=$(seq 1 2000); echo "${#x}"; : ' + 'x' * 3000) == '8892\n'
    with pytest.raises(GuestError, match='ended with 3'):
        guest.sh('exit 3')
    with pytest.raises(GuestError, match='no ivshmem device'):
        guest.sh('ivtool id')
    assert guest.power_off() == 0
