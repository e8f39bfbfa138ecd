#!/bin/sh
# Usage: venv.sh FOLDER PYTHON VERSION...
# Makes the environment FOLDER with the interpreter PYTHON or, where that is empty, with the first VERSION that this
# machine has. One that is there stays, unless another Python is asked or it does not run any more.
set -eu
folder=$1 python=$2
shift 2
versions=$(echo "$*" | sed 's/ /, /g; s/\(.*\), /\1 or /')

# Prints version and home of an interpreter that can be used, else why it cannot. It is run to find out: the shims of
# pyenv exist for versions that do not run, and Debian ships ensurepip apart.
look='import sys
version = "%d.%d" % sys.version_info[:2]
if version not in sys.argv[1:]:
    sys.exit("is Python " + version)
if sys.maxsize < 2**32:
    sys.exit("is a 32-bit program, which numba and h5py have no packages for")
try:
    import ensurepip, venv
except ImportError:
    sys.exit("has no venv module: apt install python3-venv")
print(version, sys.base_prefix)'

# After an upgrade of the system an environment may run another version than it was filled for.
made=$("$folder/bin/python" -c "$look" "$@" 2>/dev/null) || made=
[ -d "$folder/lib/python${made%% *}" ] || made=

if [ -z "$python" ]; then
	[ -z "$made" ] || exit 0
	for version; do
		for candidate in "python$version" python3; do
			found=$("$candidate" -c "$look" "$@" 2>/dev/null) || continue
			[ "${found%% *}" = "$version" ] && python=$candidate && break 2
		done
	done
fi
if [ -z "$python" ]; then
	said="no python3"
	! command -v python3 >/dev/null || said="python3 $(python3 -c "$look" "$@" 2>&1 | tail -n 1)"
	echo "expected Python $versions with its venv module, found none ($said)." \
		"Debian, Ubuntu, Raspberry Pi OS: sudo apt install python3 python3-venv;" \
		"another interpreter: make PYTHON=/path/to/python3" >&2
	exit 1
fi
asked=$("$python" -c "$look" "$@" 2>&1) || {
	echo "PYTHON=$python: expected Python $versions, got: $(echo "$asked" | tail -n 1)" >&2
	exit 1
}
[ "$made" != "$asked" ] || exit 0
rm -rf "$folder"
"$python" -m venv "$folder"
