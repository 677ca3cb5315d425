#!/bin/sh
# Builds the Consul agent that go.mod beside this file pins, unless that is done
# already, and prints the path of the binary. It lives in .cache/consul at the
# root of the repository, which git ignores. Cold, this takes some minutes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache/consul
binary=$cache/consul
cd "$here"
version=$(go list -m -f '{{.Version}}' github.com/hashicorp/consul)

current() {
	[ -x "$binary" ] && "$binary" version 2>/dev/null | grep -qxF "Consul $version"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
if command -v flock >/dev/null 2>&1; then
	flock 9 # several test programs may start at once
fi
if ! current; then
	echo "building consul $version into $cache, which takes some minutes the first time" >&2
	trap 'rm -f "$binary.$$"' EXIT
	go build -ldflags='-s -w' -o "$binary.$$" github.com/hashicorp/consul
	mv "$binary.$$" "$binary"
fi
echo "$binary"
