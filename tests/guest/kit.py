#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""The guest kit: Debian's cloud kernel and a file system for it.

The kernel is downloaded with apt-get, never installed, and kept unpacked in
${XDG_CACHE_HOME:-~/.cache}/ivshmemd-guest/VERSION/: `vmlinux` (the ELF inside
the package's image, which boots without unpacking itself in the guest) and
`modules/`. Run as a program it makes that and prints where it is.
"""

import contextlib
import fcntl
import functools
import glob
import hashlib
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

METAPACKAGE = 'linux-image-cloud-amd64'
HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'ivshmemd-guest')
BUSYBOX = '/bin/busybox'
DOWNLOAD_SECONDS = 600

# In the order in which they must be loaded.
VFIO_MODULES = ['vfio', 'vfio_virqfd', 'irqbypass', 'vfio_pci_core', 'vfio_pci', 'vfio_iommu_type1']
NETWORK_MODULES = ['virtio_ring', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio', 'virtio_pci',
                   'failover', 'net_failover', 'virtio_net']

# Where GLib finds TLS.
TLS_MODULE = 'gio/modules/libgiognutls.so'
KEPT_BASES = 6


class KitError(Exception):
    """The kit cannot be made here."""


def command(*argv, **keywords):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=DOWNLOAD_SECONDS, check=False, encoding='utf-8', **keywords)
    if done.returncode != 0:
        raise KitError(f'{" ".join(argv)} ended with {done.returncode}:\n{done.stdout}')
    return done.stdout


def newest_package():
    """Name and version of the kernel that the metapackage stands for; None when apt knows none."""
    try:
        depends = re.search(r'Depends: (linux-image-\S+)', command('apt-cache', 'depends', METAPACKAGE))
        if depends is None:
            return None
        policy = command('apt-cache', 'policy', depends.group(1))
    except (KitError, FileNotFoundError):
        return None
    return depends.group(1), re.search(r'Candidate: (\S+)', policy).group(1)


def kernel_payload(image):
    """The compressed kernel inside a bzImage, unpacked. Offsets: Linux' Documentation/x86/boot.rst."""
    if image[0x202:0x206] != b'HdrS':
        raise KitError('not a bzImage')
    start = (image[0x1f1] + 1) * 512 + int.from_bytes(image[0x248:0x24c], 'little')
    payload = image[start:start + int.from_bytes(image[0x24c:0x250], 'little')]
    # The last four bytes are the unpacked size, added by the kernel's build.
    body, size = payload[:-4], int.from_bytes(payload[-4:], 'little')
    if payload.startswith(b'\xfd7zXZ\0'):
        vmlinux = lzma.LZMADecompressor().decompress(body)
    else:
        for magic, program in [(b'\x02\x21\x4c\x18', 'lz4'), (b'\x28\xb5\x2f\xfd', 'zstd'), (b'\x1f\x8b', 'gzip')]:
            if payload.startswith(magic):
                break
        else:
            raise KitError(f'the kernel is packed in an unknown way: {payload[:6]!r}')
        # gzip has that size in its own trailer.
        body = payload if program == 'gzip' else body
        vmlinux = subprocess.run([program, '-d', '-c'], input=body, stdout=subprocess.PIPE, check=True).stdout
    if not vmlinux.startswith(b'\x7fELF') or (size and len(vmlinux) != size):
        raise KitError(f'unpacked to {len(vmlinux)} bytes that are no ELF file of {size} bytes')
    return vmlinux


def make(name, version, into):
    """Downloads the package and leaves vmlinux and modules/ in the folder."""
    with tempfile.TemporaryDirectory(prefix='ivshmemd-kernel-') as work:
        os.chmod(work, 0o755)
        command('apt-get', 'download', f'{name}={version}', cwd=work)
        root = os.path.join(work, 'root')
        command('dpkg', '-x', glob.glob(os.path.join(work, '*.deb'))[0], root)
        with open(glob.glob(os.path.join(root, 'boot', 'vmlinuz-*'))[0], 'rb') as file:
            vmlinux = kernel_payload(file.read())
        with open(os.path.join(into, 'vmlinux'), 'wb') as file:
            file.write(vmlinux)
        os.mkdir(os.path.join(into, 'modules'))
        for path in glob.glob(os.path.join(root, 'lib', 'modules', '**', '*.ko'), recursive=True):
            shutil.copy(path, os.path.join(into, 'modules', os.path.basename(path).replace('-', '_')))


@contextlib.contextmanager
def locked():
    """Several tests may want the cache at once."""
    with open(os.path.join(CACHE, 'lock'), 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.lru_cache(maxsize=None)
def folder():
    """The newest kit, made if it is not there yet. Without apt's lists an older one will do."""
    package = newest_package()
    if package is None:
        kits = sorted(glob.glob(os.path.join(CACHE, '*', 'vmlinux')), key=os.path.getmtime)
        if not kits:
            raise KitError(f'apt knows no {METAPACKAGE}, and there is none in {CACHE}; apt-get update may help')
        return os.path.dirname(kits[-1])
    path = os.path.join(CACHE, '_'.join(package))
    if os.path.exists(path):
        return path
    os.makedirs(CACHE, exist_ok=True)
    with locked():
        if not os.path.exists(path):
            half = tempfile.mkdtemp(dir=CACHE, prefix='.half-')
            try:
                os.chmod(half, 0o755)
                make(*package, half)
                os.rename(half, path)
            except BaseException:
                shutil.rmtree(half)
                raise
    return path


def kernel():
    return os.path.join(folder(), 'vmlinux')


def with_libraries(programs):
    """{path in the guest: path here} of programs and of every library that they load."""
    missing = [name for name, path in programs.items() if path is None or not os.path.exists(path)]
    if missing:
        raise KitError(f'neither built nor installed: {", ".join(missing)}')
    files = dict(programs)
    for path in re.findall(r'(/\S+) \(0x', command('ldd', *programs.values())):
        files[path] = os.path.realpath(path)
    return files


def tls_module():
    """The path of GIO's TLS; it is where GIO itself looks, here and in the guest."""
    directory = command('pkg-config', '--variable=libdir', 'gio-2.0').strip()
    return os.path.join(directory, TLS_MODULE)


class Archive:
    """A newc cpio archive, the kernel's own format for its first file system."""

    def __init__(self, file):
        self.file = file
        self.inode = 0
        self.folders = set()

    def entry(self, name, mode, data=b''):
        self.inode += 1
        raw = name.encode() + b'\0'
        fields = [self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0]
        head = b'070701' + b''.join(b'%08X' % field for field in fields) + raw
        self.file.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))

    def folder(self, name):
        if name and name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self.entry(name, stat.S_IFDIR | 0o755)

    def add(self, name, data, mode=0o755):
        name = name.lstrip('/')
        self.folder(os.path.dirname(name))
        self.entry(name, stat.S_IFREG | mode, data)

    def end(self):
        self.entry('TRAILER!!!', 0)


def contents_of(modules, files):
    """{path in the guest: path here} of busybox, init, the modules and files."""
    modules_dir = os.path.join(folder(), 'modules')
    return {'/bin/busybox': BUSYBOX, '/init': os.path.join(HERE, 'init'),
            **{f'/modules/{name}.ko': os.path.join(modules_dir, f'{name}.ko') for name in modules}, **files}


def order(modules):
    """The modules that init loads."""
    return ''.join(f'{name}\n' for name in modules).encode()


def image(modules, files, path):
    """Writes the guest's file system: busybox, init, modules and files ({path in the guest: path here})."""
    with open(path, 'wb') as file:
        archive = Archive(file)
        archive.add('/modules/order', order(modules), 0o644)
        for name, source in contents_of(modules, files).items():
            with open(source, 'rb') as data:
                archive.add(name, data.read(), 0o755 if os.access(source, os.X_OK) else 0o644)
        archive.end()
    return path


def content_key(contents, stripped):
    """Names everything that a base image is made of, and how."""
    whole = hashlib.sha256()
    for name, source in sorted({**contents, '': os.path.abspath(__file__)}.items()):
        with open(source, 'rb') as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        whole.update(f'{name} {digest} {name in stripped}\n'.encode())
    return whole.hexdigest()[:32]


def without_debug(path):
    with tempfile.NamedTemporaryFile(prefix='ivshmemd-strip-') as file:
        command('strip', '--strip-debug', '-o', file.name, path)
        return file.read()


def base(files, stripped=()):
    """An open archive of every module and files, from the cache, or made for it.

    stripped: names in the guest of what goes in without what debuggers read.
    """
    contents = contents_of(VFIO_MODULES + NETWORK_MODULES, files)
    path = os.path.join(folder(), f'base-{content_key(contents, stripped)}.cpio')
    with locked():
        if os.path.exists(path):
            os.utime(path)
            return open(path, 'rb')
        for old in sorted(glob.glob(os.path.join(folder(), 'base-*.cpio')), key=os.path.getmtime)[:-KEPT_BASES]:
            os.unlink(old)
        half = os.path.join(folder(), '.half-base')
        with open(half, 'wb') as file:
            archive = Archive(file)
            for name, source in contents.items():
                with open(source, 'rb') as data:
                    archive.add(name, without_debug(source) if name in stripped else data.read())
            archive.end()
        os.rename(half, path)
        return open(path, 'rb')


def image_on(base_file, modules, texts, path):
    """Writes the base and behind it the modules to load and texts ({path in the guest: (mode, text)})."""
    with open(path, 'wb') as file:
        shutil.copyfileobj(base_file, file, 1 << 20)
        # The kernel wants each archive at a multiple of four bytes.
        file.write(bytes(-file.tell() % 4))
        archive = Archive(file)
        archive.add('/modules/order', order(modules), 0o644)
        for name, (mode, text) in texts.items():
            archive.add(name, text.encode(), mode)
        archive.end()
    return path


if __name__ == '__main__':
    try:
        print(folder())
    except KitError as error:
        sys.exit(f'guest kit: {error}')
