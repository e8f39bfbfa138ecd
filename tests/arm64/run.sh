#!/usr/bin/env bash
# What `make test-arm64` does: for each Debian, build it for arm64 in build/arm64 where it is not there yet, put this
# checkout into it, run `make run` as a newcomer would, hold the scores against this machine's, and run the scoring
# benchmark. Then the edge's tests in the first. pytest's summary is the last thing printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=tests/arm64 roots=build/arm64
export CI=true HYPOTHESIS_PROFILE=emulated

# Readers with damaged and hostile files, kernels, windows, golden windows, streams, the commands. Not what only takes
# minutes (charts, text that is no name), nor what needs a second user, whom the namespace does not have.
TESTS=(
    tests/edge
    --ignore=tests/edge/test_plot.py
    --deselect=tests/edge/readers/test_names.py::test_arbitrary_text_is_parsed_or_refused_and_nothing_else
    --deselect=tests/edge/test_cli.py::test_no_permission_is_one_clear_line
)

"$here/root.sh" check
mkdir -p "$roots"
make --no-print-directory run >/dev/null
rm -rf "$roots/here"
cp -r build/run "$roots/here"

for suite in trixie bookworm; do
    root=$roots/$suite
    if [ ! -d "$root" ] || [ "$here/root.sh" -nt "$root/etc/cpuinfo" ]; then
        echo "Building Debian $suite for arm64 in $root"
        "$here/root.sh" make "$root" "$suite"
    fi
    rm -rf "$root/src"
    git clone -q --no-checkout . "$root/src"
    # Files as they are now, committed or not.
    git ls-files -coz --exclude-standard | tar c --null -T - --ignore-failed-read | tar x -C "$root/src"
    failed=0
    "$here/root.sh" run "$root" sh -c 'cd /src && make run' 2>"$root.err" || failed=$?
    cat "$root.err" >&2
    [ "$failed" = 0 ] || exit "$failed"
    [ ! -s "$root.err" ] || { echo "arm64: make run on $suite: expected nothing on standard error, got the above" >&2; exit 1; }
    python3 "$here/compare.py" "$roots/here" "$root/src/build/run" models/plasma/card.json
    # For what it does alone: emulation says nothing of speed.
    "$here/root.sh" run "$root" sh -c 'cd /src && .venv/bin/python tests/benchmarks/run.py scoring' >/dev/null 2>&1 ||
        { echo "arm64: tests/benchmarks/run.py scoring failed on $suite" >&2; exit 1; }
    echo "$suite: $SECONDS s"
done

# The real half-orbit, where tests/conftest.py finds it.
rm -rf "$root/shared"
shared=${SEQNETQUAKE_SHARED:-../shared/data}
[ ! -d "$shared" ] || { mkdir "$root/shared" && cp -r "$shared" "$root/shared/data"; }
exec "$here/root.sh" run "$root" sh -c 'cd /src && .venv/bin/python -m pip -qq install --no-deps -r requirements/test.txt
    echo "$(uname -m), Python $(.venv/bin/python -c "import platform; print(platform.python_version())")"
    .venv/bin/pytest -q "$@"' sh "${TESTS[@]}"
