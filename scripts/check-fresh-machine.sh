#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# scripts/check-fresh-machine.sh [COMMAND...]
# Runs the README's two commands as a newcomer would: in a bare Debian 12 with git, g++ and CMake, in a fresh clone of what
# is committed here. With arguments it runs those commands instead. Needs root, debootstrap and the Debian mirror.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" -eq 0 ] || { echo "This needs root: it makes a chroot." >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "This needs debootstrap: apt-get install debootstrap" >&2; exit 1; }
[ $# -gt 0 ] || set -- scripts/quickstart.sh scripts/test.sh

mirror=http://deb.debian.org/debian
folder=$PWD/build/fresh-machine
bare=$folder/bare
root=$folder/root

leave() {
  for mounted in proc dev; do
    ! mountpoint -q "$root/$mounted" || umount "$root/$mounted"
  done
}
trap leave EXIT
leave

if [ ! -e "$bare/made" ]; then
  rm -rf --one-file-system "$bare"
  debootstrap --variant=minbase --include=git,g++,cmake,ca-certificates bookworm "$bare" "$mirror" >/dev/null
  touch "$bare/made"
fi
rm -rf --one-file-system "$root"
cp -ax "$bare" "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
git clone -q . "$root/ptq"

for command in "$@"; do
  echo "== $command"
  begun=$SECONDS
  chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c "cd /ptq && $command" </dev/null
  echo "== $command: $((SECONDS - begun)) s"
done
