# SPDX-License-Identifier: LGPL-3.0-or-later
"""The linter finds what it is there to find. Each case is a file with one fault, and what must be said about it."""

import textwrap

import pytest

from check_source import FILE_LINES, FUNCTION_LINES, LINE_BYTES, TEST_FILE_LINES, check

HEAD = '/* SPDX-License-Identifier: LGPL-3.0-or-later */\n#include "config.h"\n\n'
FUNCTION = '''
static void
name (int argument)
{
%s}
'''


def c_file(body):
    return HEAD + textwrap.dedent(body)


def lines(count, line='  argument++;'):
    return f'{line}\n' * count


CASES = {
    'no licence': ('daemon/base/ivd-a.c', '#include "config.h"\n', '1: no line "SPDX'),
    'no config.h': ('daemon/base/ivd-a.c', HEAD.split('\n', 1)[0] + '\n#include <glib.h>\n', 'not "config.h"'),
    'own header late': ('daemon/base/ivd-a.c', c_file('#include <glib.h>\n#include "base/ivd-a.h"\n'), 'right after'),
    'goto': ('plugins/x/x.c', c_file(FUNCTION % '  goto out;\n'), 'goto'),
    'unfinished': ('daemon/base/ivd-a.c', c_file('/* TODO: more */\n'), 'unfinished'),
    'long line': ('daemon/base/ivd-a.c', c_file('/*' + 'x' * LINE_BYTES + '*/\n'), 'columns'),
    'long function': ('daemon/base/ivd-a.c', c_file(FUNCTION % lines(FUNCTION_LINES)), 'name has 103 lines'),
    'long file': ('daemon/base/ivd-a.c', c_file(lines(FILE_LINES, '/**/')), 'one noun'),
    'long test': ('tests/unit/test-a.c', c_file(lines(TEST_FILE_LINES, '/**/')), 'one noun'),
    'arrow up': ('daemon/memory/ivd-a.c', c_file('#include "model/ivd-region.h"\n'), 'memory may not include model/'),
    'arrow up to the root': ('daemon/model/ivd-a.c', c_file('#include "daemon.h"\n'), 'model may not include daemon.h'),
    'arrow sideways': ('daemon/access/ivd-a.c', c_file('#include "plugin/ivd-plugin.h"\n'), 'access may not include'),
    'plugin uses the daemon': ('plugins/x/x.c', c_file('#include "base/ivd-name.h"\n'), 'plugins may not include'),
    'client uses the model': ('clients/ctl/x.c', c_file('#include "model/ivd-region.h"\n'), 'clients may not include'),
    'system asked outside': ('daemon/model/ivd-a.c', c_file('#ifdef __linux__\n#endif\n'), 'which operating system'),
    'condition in a function': ('daemon/model/ivd-a.c', c_file(FUNCTION % '#if IVD_WITH_DBUS\n#endif\n'), 'inside a function'),
    'function without prefix': ('daemon/model/ivd-a.c', c_file(FUNCTION.replace('static ', '') % ''), 'does not begin as ^ivd_'),
    'helper without prefix': ('tests/lib/ivt-a.c', c_file(FUNCTION.replace('static ', '') % ''), 'does not begin as ^ivt_'),
    'type without prefix': ('daemon/model/ivd-a.h', c_file('typedef struct\n{\n  int a;\n} Region;\n'), 'type Region'),
    'machine path': ('tests/lib/a.py', '# SPDX-License-Identifier: LGPL-3.0-or-later\nX = "/' + 'root/x"\n', 'machine'),
}


@pytest.mark.parametrize('path, text, message', CASES.values(), ids=CASES.keys())
def test_fault_is_found(path, text, message):
    problems = check({path: text})
    assert len(problems) == 1, problems
    assert problems[0].startswith(path + ':')
    assert message in problems[0]


def test_type_in_two_places():
    body = 'typedef struct\n{\n  int a;\n} IvdThing;\n'
    assert check({'daemon/model/ivd-a.h': c_file(body)}) == []
    problems = check({'daemon/model/ivd-a.h': c_file(body), 'daemon/plugin/ivd-b.h': c_file(body)})
    assert problems == ['daemon/plugin/ivd-b.h:7: the type IvdThing is in daemon/model/ivd-a.h already']


GOOD = {
    'at the limits': ('daemon/base/ivd-a.c', c_file(FUNCTION % lines(FUNCTION_LINES - 3))),
    'own header first': ('daemon/base/ivd-a.c', c_file('#include "base/ivd-a.h"\n#include <glib.h>\n')),
    'words in comments and strings': ('daemon/base/ivd-a.c', c_file('/* goto, __linux__ */\nconst char *a = "goto \\" goto";\n')),
    'arrow down': ('daemon/operation/ivd-a.c', c_file('#include "model/ivd-region.h"\n#include "access/ivd-access.h"\n')),
    'system asked in platform': ('daemon/platform/ivd-a.c', c_file('#ifdef __linux__\n#endif\n')),
    'condition around a function': ('daemon/model/ivd-a.c', c_file('#if IVD_WITH_DBUS\n' + FUNCTION % '' + '#endif\n')),
    'main': ('daemon/main.c', c_file('int\nmain (void)\n{\n}\n')),
    'system header of a like name': ('plugins/x/wire.c', c_file('#include <glib.h>\n#include "ivshmem/wire.h"\n')),
    'script': ('tools/a.sh', '#!/bin/sh\n# SPDX-License-Identifier: LGPL-3.0-or-later\n'),
}


@pytest.mark.parametrize('path, text', GOOD.values(), ids=GOOD.keys())
def test_good_is_left_alone(path, text):
    assert check({path: text}) == []
