#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Help, manual pages and completion must name the same verbs and options.

    check-ctl-docs.py SOURCE_DIR IVSHMEMCTL [IVSHMEMD]

Also: groff has nothing to complain about in any manual page.
"""

import os
import re
import subprocess
import sys

problems = []


def complain(text):
    problems.append(text)
    print(f'not ok: {text}')


def same(what, **sides):
    """Two or more sets that should be one."""
    names = list(sides)
    for name in names[1:]:
        for missing in sorted(sides[names[0]] - sides[name]):
            complain(f'{what}: {missing} is in {names[0]} but not in {name}')
        for extra in sorted(sides[name] - sides[names[0]]):
            complain(f'{what}: {extra} is in {name} but not in {names[0]}')


def run(*argv, **keywords):
    environment = {**os.environ, 'LC_ALL': 'C.UTF-8'}
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment, check=False, **keywords)


def render(path):
    """The page as plain text, with lines long enough not to be wrapped."""
    page = run('groff', '-ww', '-mdoc', '-Tutf8', '-P-cbou', '-rLL=400n', path)
    if page.returncode != 0 or page.stderr:
        complain(f'{path}: groff: {page.stderr.strip()}')
    return page.stdout


def section(page, title):
    """The lines between a heading and the next."""
    found = re.search(rf'^{re.escape(title)}\n(.*?)(?=^\S|\Z)', page, re.M | re.S)
    return found.group(1).splitlines() if found else []


def squeeze(text):
    text = re.sub(r'\s+', ' ', text.replace('‐', '-').replace('−', '-')).strip()
    return text.replace(' | ', '|').replace(' ...', '...')


def options_in(text):
    return set(re.findall(r'(?<![\w-])--[a-z][a-z-]*', text))


def listed_options(lines):
    """Of a list in a help: two blanks, the option, its text."""
    return {found.group(1) for found in (re.match(r'  (?:-\w, )?(--[a-z-]+)', line) for line in lines) if found}


def complete(script, function, *words):
    """What bash offers for the last of words."""
    code = f'''
        source /usr/share/bash-completion/bash_completion 2>/dev/null
        if ! declare -F _init_completion >/dev/null; then
            _init_completion() {{ words=("${{COMP_WORDS[@]}}"); cword=$COMP_CWORD; cur=${{words[cword]}}
                                  prev=${{words[cword-1]}}; }}
            _filedir() {{ mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }}
        fi
        compopt() {{ :; }}
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}
        {function} "$1" "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    '''
    result = run('bash', '-c', code, 'bash', script, *words)
    if result.stderr:
        complain(f'completion of {words[1:]}: {result.stderr.strip()}')
    return {line for line in result.stdout.splitlines() if line}


def check_ctl(source, ctl):
    script = os.path.join(source, 'data/completions/ivshmemctl')
    page = render(os.path.join(source, 'data/man/ivshmemctl.1'))
    help_text = run(ctl, '--help').stdout
    listed = {line.split()[0]: line for line in section(help_text, 'Verbs:') if line.strip()}
    # A short verb has its text on the same line, after more than one blank.
    heads = [squeeze(re.split(r'\s{2,}', line.strip())[0])
             for line in section(page, 'VERBS') if re.match(r' {5}[a-z_]', line)]
    entries = {head.split()[0]: head for head in heads}
    global_options = listed_options(section(help_text, 'Global options, before or after the verb:'))
    page_globals = options_in('\n'.join(line for line in section(page, 'GLOBAL OPTIONS')
                                        if re.match(r' {5}--', line)))

    same('verbs', help=set(listed), man=set(entries), completion=complete(script, '_ivshmemctl', ctl, ''))
    same('global options', help=global_options, man=page_globals,
         completion=complete(script, '_ivshmemctl', ctl, '--'))
    for verb in listed:
        text = run(ctl, verb, '--help').stdout
        usage = squeeze(text.splitlines()[0]).removeprefix('Usage: ivshmemctl ')
        options = listed_options(section(text, 'Options:'))
        same(f'options of {verb}', help=options, usage=options_in(usage),
             completion=complete(script, '_ivshmemctl', ctl, verb, '--') - global_options)
        same(f'global options of {verb}', help=global_options,
             verb=listed_options(section(text, 'Global options:')))
        if entries.get(verb, usage) != usage:
            complain(f'{verb}: the help says "{usage}", the manual page "{entries[verb]}"')
        if 'Example:\n' not in text:
            complain(f'{verb}: its help has no example')


def check_daemon(source, daemon):
    script = os.path.join(source, 'data/completions/ivshmemd')
    page = render(os.path.join(source, 'data/man/ivshmemd.8'))
    help_options = listed_options(run(daemon, '--help').stdout.splitlines())
    same('options of ivshmemd', help=help_options,
         man=options_in('\n'.join(line for line in section(page, 'OPTIONS') if re.match(r' {5}-', line))),
         synopsis=options_in('\n'.join(section(page, 'SYNOPSIS'))),
         completion=complete(script, '_ivshmemd', daemon, '--'))


def main():
    source, ctl = sys.argv[1:3]
    check_ctl(source, ctl)
    if len(sys.argv) > 3:
        check_daemon(source, sys.argv[3])
    render(os.path.join(source, 'data/man/ivshmemd.conf.5'))
    print(f'{len(problems)} differences')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
