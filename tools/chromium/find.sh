#!/bin/sh
# Finds the Chromium that the tests of the live page drive, and prints its path:
# $RESEAT_CHROMIUM, then PATH, then Debian's package. That one is unpacked, with the
# libraries that the system lacks, into .cache/chromium at the root of the repository,
# which git ignores: nothing is installed, and no rights are needed. Cold, it downloads
# about 130 MB.
#
# Where there is none, the tests are skipped, loudly; with CI=true, or with
# RESEAT_CHROMIUM set (to "required", say), they fail.
set -eu

if [ -n "${RESEAT_CHROMIUM:-}" ] && [ "$RESEAT_CHROMIUM" != required ]; then
	echo "$RESEAT_CHROMIUM"
	exit
fi
for name in chromium chromium-browser google-chrome; do
	if path=$(command -v "$name"); then
		echo "$path"
		exit
	fi
done

cache=$(cd "$(dirname "$0")/../.." && pwd)/.cache/chromium
root=$cache/root
binary=$cache/chromium

works() {
	[ -x "$binary" ] && "$binary" --version >/dev/null 2>&1
}

# apt with lists and an archive of its own: the system's may be old or absent, and stay as they are.
apt() {
	apt-get -qq -o Dir::State::lists="$cache/lists" -o Dir::Cache="$cache/apt" -o APT::Sandbox::User= "$@"
}

# unpack gets the package, the packages that the system lacks for it, and a font.
unpack() {
	mkdir -p "$cache/lists/partial" "$cache/apt/archives/partial" "$root"
	apt update >&2
	packages=$(apt install -s --no-install-recommends chromium fonts-dejavu-core | sed -n 's/^Inst \([^ ]*\).*/\1/p')
	if [ -z "$packages" ]; then
		echo "no Chromium: apt has no package chromium; name a binary with RESEAT_CHROMIUM" >&2
		exit 1
	fi
	cd "$cache/apt/archives"
	# shellcheck disable=SC2086 # a list
	apt download $packages >&2
	for deb in *.deb; do
		dpkg-deb -x "$deb" "$root"
	done
	cd "$cache"
	rm -rf "$cache/lists" "$cache/apt"
}

# wrapper starts the browser with the libraries unpacked beside it, and with their fonts
# where the system has none.
wrapper() {
	libs=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
	cat <<-END
		#!/bin/sh
		export LD_LIBRARY_PATH="$libs:$libs/pulseaudio"
		[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH="$root/etc/fonts"
		[ -d /usr/share/fonts/truetype ] || export XDG_DATA_HOME="$root/usr/share"
		exec "$root/usr/lib/chromium/chromium" "\$@"
	END
}

mkdir -p "$cache"
exec 9>"$cache/lock"
if command -v flock >/dev/null 2>&1; then
	flock 9 # several test programs may start at once
fi
if ! works; then
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "no Chromium: install it, or name its binary with RESEAT_CHROMIUM" >&2
		exit 1
	fi
	echo "unpacking Debian's chromium into $cache, which downloads about 130 MB the first time" >&2
	rm -rf "$root"
	unpack
	wrapper >"$binary.$$"
	chmod +x "$binary.$$"
	mv "$binary.$$" "$binary"
	works || { echo "no Chromium: the one of $cache does not start: $("$binary" --version 2>&1 | tail -n 1)" >&2; exit 1; }
fi
echo "$binary"
