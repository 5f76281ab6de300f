# shellcheck shell=sh
# Sourced by scripts/run and scripts/test: installs what is missing, configures and builds.

program=$(basename "$0")
top=$(cd "$(dirname "$0")/.." && pwd)
logs=$top/build-logs
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
LC_ALL=C
export LC_ALL

say() { echo "$program: $*"; }
die() { echo "$program: $*" >&2; exit 1; }
has_command() { command -v "$1" >/dev/null 2>&1; }
has_library() { has_command pkg-config && pkg-config --exists "$1"; }
has_apt() { has_command apt-get && has_command dpkg-query; }
has_package() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# Names the Debian packages that the build lacks. What counts is the tool, not where it came from.
list_missing_for_build() {
    { has_command "${CC:-cc}" || has_command gcc; } || echo gcc
    ! has_apt || [ -e /usr/include/stdio.h ] || echo libc6-dev
    has_command make || echo make
    has_command autoconf || echo autoconf
    has_command automake || echo automake
    has_command pkg-config || echo pkg-config
    { has_command perl && has_command prove; } || echo perl
    has_library libevent_core || echo libevent-dev
    has_library libxxhash || echo libxxhash-dev
    # Not needed, but larderd lacks TLS or its filter of system calls without.
    ! has_apt || has_library openssl || echo libssl-dev
    ! has_apt || has_library libseccomp || echo libseccomp-dev
}

# Prints those of the Debian packages named which are not installed.
list_missing_of() {
    for package; do
        has_package "$package" || echo "$package"
    done
}

# Runs apt-get install with services held back, so that a package's server (memcached's, nginx's) is not
# started now; one that was installed here is also disabled, so that it does not start with the machine.
# An administrator's own policy-rc.d is put back, whatever happens.
# shellcheck disable=SC2016
install_script='
    policy=/usr/sbin/policy-rc.d
    restore() {
        rm -f "$policy"
        if [ -e "$policy.larder" ] || [ -L "$policy.larder" ]; then mv "$policy.larder" "$policy"; fi
    }
    # What a run that was killed has left.
    if [ -e "$policy.larder" ] || grep -qs "made by larder" "$policy"; then restore; fi
    if [ -e "$policy" ] || [ -L "$policy" ]; then mv "$policy" "$policy.larder"; fi
    printf "#!/bin/sh\n# made by larder: no service starts\nexit 101\n" >"$policy"
    trap restore EXIT
    trap "exit 1" HUP INT TERM
    chmod 755 "$policy"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    apt-get -q -o DPkg::Lock::Timeout=120 update ||
        echo "apt-get update failed; trying with the lists that are here"
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" || exit 1
    for package; do
        case $package in
        memcached) update-rc.d memcached disable || : ;;
        nginx-light) update-rc.d nginx disable || : ;;
        prometheus) update-rc.d prometheus disable || : ;;
        esac
    done'

install_packages() {
    [ $# -gt 0 ] || return 0
    say "installing $*"
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif has_command sudo; then
        as_root=sudo
    else
        die "neither root nor sudo is at hand. As root: apt-get install $*"
    fi
    if ! $as_root sh -c "$install_script" sh "$@" >"$logs/apt.log" 2>&1 </dev/null; then
        tail -20 "$logs/apt.log" >&2
        die "installing failed (all of it is in $logs/apt.log)"
    fi
}

# Elsewhere than on Debian and its kin nothing is installed unasked.
explain_packages() {
    cat >&2 <<'END'
Install these, then run this again:
  Fedora   gcc make autoconf automake pkgconf-pkg-config perl perl-Test-Harness libevent-devel xxhash-devel openssl-devel libseccomp-devel
  Alpine   build-base autoconf automake pkgconf perl perl-utils libevent-dev xxhash-dev openssl-dev libseccomp-dev
  Arch     base-devel perl libevent xxhash openssl libseccomp
  macOS    brew install autoconf automake pkg-config libevent xxhash
  FreeBSD  autoconf automake pkgconf gmake perl5 libevent xxhash
END
}

# setup_packages [PACKAGE...]: what the build needs, and the Debian packages named.
setup_packages() {
    make_logs_directory
    missing=$(list_missing_for_build)
    if has_apt; then
        install_packages $missing $(list_missing_of "$@")
    elif [ -n "$missing" ]; then
        say "missing (by their Debian names):" $missing >&2
        explain_packages
        exit 1
    fi
}

# run_logged LOG COMMAND...: its output goes to LOG, the end of which is shown if it fails.
run_logged() {
    log=$1
    shift
    "$@" >"$log" 2>&1 && return 0
    tail -40 "$log" >&2
    echo "$program: failed: $* (all of it is in $log)" >&2
    return 1
}

# Everything that the scripts make stays in the checkout, so they must be able to write there.
make_logs_directory() {
    mkdir -p "$logs" 2>/dev/null && [ -w "$top" ] && [ -w "$logs" ] ||
        die "cannot write to $top as $(id -un): run this as the owner of the checkout, or as root"
}

# configure_in DIRECTORY [OPTION...]: configures there unless that was done with the same options.
configure_in() {
    directory=$1
    shift
    if [ -e "$top/config.status" ]; then
        die "this checkout was configured in the source tree, which rules out builds beside it.
Run 'make distclean' in $top first (or go on there by hand: make && src/larderd)."
    fi
    [ -x "$top/configure" ] || {
        say "making configure (autogen.sh)"
        run_logged "$logs/autogen.log" "$top/autogen.sh" || return 1
    }
    [ "$(cat "$directory/configured-with" 2>/dev/null)" != "$top $*" ] || return 0
    rm -rf "$directory" && mkdir -p "$directory" || return 1
    say "configuring in $directory${*:+ with $*}"
    (cd "$directory" && run_logged "$directory/configure.log" "$top/configure" "$@") || return 1
    echo "$top $*" >"$directory/configured-with"
}

# build_in DIRECTORY TARGET...: one target after the other, since two at once would compile the same files.
build_in() {
    say "building in $1 ($jobs jobs)"
    directory=$1
    shift
    : >"$directory/build.log"
    for target; do
        run_logged "$directory/build.log" make -C "$directory" -j "$jobs" "$target" || return 1
    done
}
