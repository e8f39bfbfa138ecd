#!/usr/bin/env bash
# A Debian arm64 system in a folder, entered by chroot under emulation, as if it were a Raspberry Pi 4.
#   root.sh make ROOT SUITE       builds it: bookworm has Python 3.11, trixie 3.13
#   root.sh run ROOT COMMAND...   runs a command in it, such as: sh -c 'cd /src && make run'
# Right for "does it work"; its timings say nothing of a Pi. The host stays as it is: the emulator is registered in a
# user namespace of its own, and every mount ends with it. Packages come from the mirror in apt's sources, Python's
# from where the host's pip is set to take them.
set -euo pipefail
fail() { echo "arm64: $*" >&2; exit 2; }

check() {
    local absent=() tool
    command -v debootstrap >/dev/null || absent+=(debootstrap)
    command -v qemu-aarch64-static >/dev/null || absent+=(qemu-user-static)
    for tool in unshare:util-linux dpkg-deb:dpkg git:git; do
        command -v "${tool%:*}" >/dev/null || absent+=("${tool#*:}")
    done
    [ ${#absent[@]} = 0 ] || fail "not installed: ${absent[*]}. Debian, Ubuntu: sudo apt install ${absent[*]}"
    [ "$(id -u)" = 0 ] || fail "expected root, which debootstrap and chroot need, got $(id -un): sudo make test-arm64"
    unshare -r -m sh -c 'd=$(mktemp -d) && mount -t binfmt_misc none "$d" && umount "$d"; rmdir "$d"' 2>/dev/null ||
        fail "expected Linux 6.7 or later with user namespaces (emulators of their own), got $(uname -r) without"
}

make_root() {
    local root suite=$2 mirror deb core
    root=$(realpath -m "$1")
    rm -rf "$root" "$root.part"
    mkdir -p "$root.part"
    # A mirror of another distribution has no such suite; without one, debootstrap takes its own default.
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
        sed '/^ *#/d' | grep -oE '[a-z]+://[^ ]+/debian/?( |$)' | head -n 1 || true)
    debootstrap --arch=arm64 --foreign --variant=minbase \
        --include=python3,python3-venv,make,git,ca-certificates "$suite" "$root.part" ${mirror:+"${mirror% }"} \
        >"$root.log" 2>&1 || { tail -n 3 "$root.log" >&2; fail "debootstrap failed, see $root.log"; }
    # Unpacked and not configured: that needs device nodes, which a user namespace may not make. Python and make do.
    for deb in "$root.part"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$deb" "$root.part"; done
    rm -f "$root.part"/var/cache/apt/archives/*.deb
    [ -e "$root.part/bin/sh" ] || ln -s dash "$root.part/bin/sh"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n' >"$root.part/etc/passwd"
    for core in 0 1 2 3; do
        printf '%s\t: %s\n' processor $core BogoMIPS 108.00 Features 'fp asimd evtstrm crc32 cpuid' \
            'CPU implementer' 0x41 'CPU architecture' 8 'CPU variant' 0x0 'CPU part' 0xd08 'CPU revision' 3
        echo
    done >"$root.part/etc/cpuinfo"
    mv "$root.part" "$root"
}

inside() { # In the namespaces: register the emulator, mount what the system needs, change root.
    local root=$1 formats name kept=()
    shift
    formats=$(mktemp -d)
    mount -t binfmt_misc binfmt_misc "$formats"
    # ELF, 64 bits, little-endian, aarch64. O and C: the kernel opens the program; F: the emulator is opened now.
    local magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":aarch64:M::$magic:$mask:$(realpath "$(command -v qemu-aarch64-static)"):OCF" >"$formats/register"
    for name in dev proc sys; do mount --rbind "/$name" "$root/$name"; done
    # The emulator passes on the host's file, where XNNPACK finds no ARM core beside those that /sys counts: LiteRT
    # then ends with a segmentation fault.
    mount --bind "$root/etc/cpuinfo" "$root/proc/cpuinfo"
    for name in resolv.conf hosts pip.conf; do
        [ -e "/etc/$name" ] || continue
        [ -e "$root/etc/$name" ] || : >"$root/etc/$name"
        mount --bind "/etc/$name" "$root/etc/$name"
    done
    [ ! -d /etc/ssl/certs ] || { mkdir -p "$root/etc/ssl/certs"; mount --rbind /etc/ssl/certs "$root/etc/ssl/certs"; }
    # Of the host's environment only what its pip needs, and what these tests are told.
    while IFS= read -r -d '' name; do
        [[ ${name%%=*} =~ ^(PIP_|SSL_CERT|REQUESTS_CA|HYPOTHESIS_PROFILE$|(https?|no)_proxy$|(HTTPS?|NO)_PROXY$) ]] &&
            kept+=("$name")
    done < <(env -0)
    # The core of a Raspberry Pi 4. qemu's default, one with everything, computes pointer authentication, which
    # trixie is built with, so slowly that Python takes ten times as long.
    exec env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin QEMU_CPU="${QEMU_CPU:-cortex-a72}" \
        "${kept[@]}" chroot "$root" "$@"
}

case ${1:-} in
check) check ;;
make) check && make_root "$2" "$3" ;;
run) shift && exec unshare -r -m --propagation private "$0" inside "$@" ;;
inside) shift && inside "$@" ;;
*) sed -n '2,7s/^# \?//p' "$0" >&2 && exit 2 ;;
esac
