# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-3.0-or-later
# What the commands of ./dev share. Sourced from the top of the tree.

say() {
  printf 'dev: %s\n' "$*" >&2
}

die() {
  say "$*"
  exit 1
}

# The packages of the named sets, but for those whose program is there already.
packages() {
  for set in "$@"; do
    awk -v set="$set" '$1 == set { print $2, $3 }' tests/tools/packages
  done | sort -u | while read -r package program; do
    [ -n "$program" ] && command -v "$program" >/dev/null || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    say "root's rights are needed: $*"
    sudo "$@"
  else
    die "as root, run: $*"
  fi
}

# Installs what is missing of the named sets.
need() {
  wanted=$(packages "$@")
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    # Elsewhere the names differ: the build says what it lacks.
    command -v meson >/dev/null && return
    die "this is not Debian; install what these packages of Debian 12 hold: $(echo "$wanted" | tr '\n' ' ')"
  fi
  # shellcheck disable=SC2086 # one word a package
  there=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null || :)
  missing=
  for package in $wanted; do
    printf '%s\n' "$there" | grep -qxF "$package installed" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  say "installing:$missing"
  as_root apt-get -q update
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends $missing
}

# configure DIR OPTION...: a build tree with just these options, whatever was there before.
configure() {
  dir=$1
  shift
  options="CC=${CC-} $*"
  if [ ! -e "$dir/build.ninja" ] || [ "$options" != "$(cat "$dir/.dev-options" 2>/dev/null)" ]; then
    rm -rf "$dir"
    mkdir "$dir"
    # Its words are of interest only when it fails.
    if ! meson setup "$dir" "$@" >"$dir/.dev-setup" 2>&1; then
      cat "$dir/.dev-setup" >&2
      return 1
    fi
    printf '%s\n' "$options" >"$dir/.dev-options"
  fi
}

# compile DIR [TARGET...]
compile() {
  dir=$1
  shift
  # Its words, too; a warning is one.
  ninja --quiet -C "$dir" "$@" >"$dir/.dev-compile" 2>&1 || {
    cat "$dir/.dev-compile" >&2
    return 1
  }
}
