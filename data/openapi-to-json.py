#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Turns data/openapi.yaml into the JSON that the daemon serves.

usage: openapi-to-json.py INPUT OUTPUT
"""

import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML would keep the last."""


def construct_mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f'{key!r} is there twice', node.start_mark)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f'{key!r} is no text', node.start_mark)
    return loader.construct_mapping(node, deep=True)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, construct_mapping)


def load(path):
    with open(path, encoding='utf-8') as file:
        return yaml.load(file, Loader)


def main():
    source, target = sys.argv[1:]
    try:
        description = load(source)
    except yaml.YAMLError as error:
        sys.exit(f'{source}: {error}')
    with open(target, 'w', encoding='utf-8') as file:
        json.dump(description, file, ensure_ascii=False, separators=(',', ':'), allow_nan=False)
        file.write('\n')


if __name__ == '__main__':
    main()
