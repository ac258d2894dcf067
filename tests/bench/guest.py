#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Figures inside a Linux guest, which the host takes: rings there and back, memory by each way in, and rest.

One guest with two devices on one doorbell server. The first is a static program's with vfio, which is the peer of
every round trip; the second is the guest's daemon's.
"""

import argparse
import itertools
import json
import os
import shlex
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from ivt import Qemu, Scope  # noqa: E402

MIB = 1 << 20
VECTORS = 32
BARE, DAEMON = '0000:00:10.0', '0000:00:11.0'
NOTES = ['in a guest under TCG, which emulates the processor: only the ratios say something',
         'TCG ignores memory types: write-combined and uncached memory are as fast as any there']
CONFIG = f'''
[region ours]
plugin=guest-linux
device={DAEMON}
access=vfio
'''

# A few of one and a few of the other, in turn, until each has had that many.
BLOCKS, PINGS, SLOW_PINGS = 8, 25, 3
BARE_VECTOR = 0
# Of the signals each has a vector of its own, as no vector is told more than ten times a second.
ECHOES = {'exclusive': range(1, 2), 'fed': range(2, 3), 'events': range(3, VECTORS)}
BARE_NAME = 'static program with vfio'
SAY = {
    'exclusive': 'ring and back: exclusive vector, doorbell',
    'fed': 'ring and back: fed vector, doorbell',
    'events': 'ring and back: Interrupt signal, Ring',
}

# access, memory, how a program gets at it.
WAYS = [('sysfs', 'wc', 'mapped'), ('sysfs', 'uc', 'mapped'), ('vfio', 'wc', 'mapped'), ('vfio', 'wc', 'calls'),
        ('vfio', 'uc', 'calls'), ('vfio', 'uc', 'http')]
SAY_WAY = {'mapped': 'mapped', 'calls': 'by D-Bus', 'http': 'by HTTP'}
IDLE_SECONDS = 10

# start NAME PROGRAM...: returns when that has said ready, or with what it said.
START = '''
start() {
  name=$1
  shift
  "$@" </dev/null >/tmp/$name 2>&1 &
  echo $! >/tmp/$name.pid
  for i in $(seq 600); do
    grep -q ready /tmp/$name && return
    sleep 0.1
  done
  cat /tmp/$name
  return 1
}
set -e
'''
BIND = f'''
device=/sys/bus/pci/devices/{BARE}
echo vfio-pci >$device/driver_override
echo {BARE} >/sys/bus/pci/drivers_probe
group=$(basename $(readlink $device/iommu_group))
'''
SUMS = '''
for task in /proc/$(cat /run/ivshmemd.pid)/task/*; do
  awk '/^(non)?voluntary_ctxt_switches/ { switches += $2 } END { printf "%d ", switches }' $task/status
  cut -d " " -f 1 $task/schedstat
done | awk '{ switches += $1; time += $2 } END { print switches, time }'
'''


def progress(text):
    print(f'guest: {text}...', file=sys.stderr, flush=True)


class Table:
    """Rows as the benchmarks in C print them."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.rows = []

    def compare(self, name, unit, ours, peer_name, peers):
        ratios = sorted(own / peer for own, peer in zip(ours, peers))
        self.rows.append({'name': name, 'unit': unit, 'value': statistics.median(ours), 'peer': peer_name,
                          'peer_value': statistics.median(peers), 'ratio': statistics.median(ratios),
                          'ratio_low': ratios[0], 'ratio_high': ratios[-1]})

    def value(self, name, unit, value):
        self.rows.append({'name': name, 'unit': unit, 'value': value})

    def document(self):
        return {'program': 'guest', 'rounds': self.rounds, 'notes': NOTES, 'rows': self.rows}


class Pinger:
    """The host's program that rings and waits to be rung."""

    def __init__(self, scope, socket):
        program = os.path.join(scope.build.dir, 'tests', 'bench', 'ivb-ping')
        self.child = subprocess.Popen([program, socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.id = int(self.child.stdout.readline())

    def ping(self, peer, vector, count):
        """Microseconds of each."""
        self.child.stdin.write(f'{count} {peer} {vector}\n')
        self.child.stdin.flush()
        answer = self.child.stdout.readline().split()
        if len(answer) != count:
            sys.exit(f'guest: vector {vector} of peer {peer} was not answered')
        return [float(word) for word in answer]

    def stop(self):
        self.child.stdin.close()
        self.child.wait()

    def sections(self):
        return []


class House:
    """The host's daemon and the guest."""

    def __init__(self, scope):
        bus = scope.bus()
        scope.daemon(bus)
        region = scope.client(bus).attach('doorbell-server', 'shared', size=4 * MIB, vectors=VECTORS)
        socket = region.get('Options')['socket']
        devices = [word for slot, name in ((BARE, 'bare'), (DAEMON, 'ours'))
                   for word in Qemu.doorbell(socket, VECTORS, name, addr=f'0x{slot[8:10]}')]
        programs = {'/bin/vfio-echo': os.path.join(scope.build.dir, 'tests', 'bench', 'vfio-echo')}
        progress('a guest boots')
        self.guest = scope.guest_daemon(devices, vfio=True, config=CONFIG, files=programs, log_level='info')
        self.ids = {'bare': int(self.guest.sh(f'IVTOOL_DEVICE={BARE} ivtool id'))}
        self.ids['ours'] = next(peer for peer in region.peers() if peer != self.ids['bare'])
        self.pinger = scope.own(Pinger(scope, socket))

    def sh(self, script, timeout=300):
        return self.guest.sh(script, timeout)

    def ctl(self, *words):
        """As it must succeed."""
        return self.sh(f'ivshmemctl {shlex.join(words)}')


def measure_idle(house, table):
    """What a thread does that never leaves its sleep: nothing, no system call either."""
    progress(f'the daemon rests for {IDLE_SECONDS} seconds')
    # What the start has left to be done is done first.
    sums = house.sh(f'sleep 3\n{SUMS}\nsleep {IDLE_SECONDS}\n{SUMS}').splitlines()
    before, after = [[int(word) for word in line.split()] for line in sums]
    table.value(f'idle for {IDLE_SECONDS} s with a region: context switches of all threads', '', after[0] - before[0])
    table.value(f'idle for {IDLE_SECONDS} s with a region: processor time of all threads', 'us',
                (after[1] - before[1]) / 1e3)


def ping_slowly(house, vectors):
    """Each vector in its turn."""
    return [house.pinger.ping(house.ids['ours'], vector, 1)[0] for vector in itertools.islice(vectors, SLOW_PINGS)]


def ping_round(house, ours):
    """(median of ours, of the peer's), who alternate, so that what else the machine does hits both."""
    own, bare = [], []
    for block in range(BLOCKS):
        if block % 2:
            own += ours()
        bare += house.pinger.ping(house.ids['bare'], BARE_VECTOR, PINGS)
        if not block % 2:
            own += ours()
    return statistics.median(own), statistics.median(bare)


def compare_rings(house, table, name, ours):
    # The first does not count.
    rounds = [ping_round(house, ours) for _ in range(table.rounds + 1)][1:]
    table.compare(name, 'us', [own for own, _ in rounds], BARE_NAME, [bare for _, bare in rounds])


def measure_rings(house, table):
    host = house.pinger.id
    house.sh(f'{START}{BIND}start bare vfio-echo {BARE} $group {BARE_VECTOR} {host}')
    progress('rings to the static program and back')
    compare_rings(house, table, 'ring and back: the same once more',
                  lambda: house.pinger.ping(house.ids['bare'], BARE_VECTOR, PINGS))
    for kind, vectors in ECHOES.items():
        progress(f'rings to a program and back, {kind}')
        house.sh(f'{START}start {kind} figures echo {kind} ours {vectors[0]} {host}')
        cycle = itertools.cycle(vectors)
        if kind == 'events':
            compare_rings(house, table, SAY[kind], lambda cycle=cycle: ping_slowly(house, cycle))
            asked = [float(word) for word in house.sh(f'figures ask ours {table.rounds}').split()]
            table.value('an empty call on the bus of the guest', 'us', statistics.median(asked))
        else:
            compare_rings(house, table, SAY[kind],
                          lambda vector=vectors[0]: house.pinger.ping(house.ids['ours'], vector, PINGS))
        house.sh(f'kill $(cat /tmp/{kind}.pid)')
    house.sh('kill $(cat /tmp/bare.pid)')


def measure_memory(house, table):
    house.ctl('detach', 'ours')
    for access, memory, how in WAYS:
        progress(f'memory by access={access}, memory={memory}, {how}')
        house.ctl('attach', 'guest-linux', 'ours', f'device={DAEMON}', f'access={access}', f'memory={memory}')
        lines = house.sh(f'figures copy {how} ours {table.rounds}').splitlines()
        reads, writes, anonymous = zip(*[[float(word) for word in line.split()] for line in lines])
        for verb, rates in (('read', reads), ('write', writes)):
            table.compare(f'{verb} of 1 MiB, {access} {memory}, {SAY_WAY[how]}', 'MiB/s', rates, 'memcpy in the guest',
                          anonymous)
        house.ctl('detach', 'ours')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--json', action='store_true', help='as it is always printed')
    parser.add_argument('--rounds', type=int, default=9)
    table = Table(max(1, parser.parse_args().rounds))
    scope = Scope()
    try:
        house = House(scope)
        measure_idle(house, table)
        measure_rings(house, table)
        measure_memory(house, table)
    except BaseException:
        for title, text in scope.sections():
            print(f'--- {title}\n{text}', file=sys.stderr)
        raise
    finally:
        scope.end()
    print(json.dumps(table.document(), indent=1))


if __name__ == '__main__':
    main()
