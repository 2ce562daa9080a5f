#!/bin/sh
# Installs what a build, the demo or the tests need and this machine lacks.
#
#   tests/deps.sh SET...      SET: build, demo, check, page, lighthouse, asan, valgrind, analyze, fuzz, cover, bench
#
# A command or library that is there and recent enough is used as it is, however
# it came here. AMLAPS_NO_INSTALL=1 forbids installing: what is missing is named,
# all of it at once, and the script fails. Says nothing when nothing is missing.
set -eu

tests=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

packages=      # what apt-get must install
missing=       # the same in words, one line each

lacks() {      # lacks WORDS PACKAGE...
    missing="$missing
  $1"
    shift
    packages="$packages $*"
    missing="$missing (Debian: $*)"
}

have() { command -v "$1" >/dev/null 2>&1; }

need_command() {   # need_command COMMAND PACKAGE...
    command_name=$1
    shift
    have "$command_name" || lacks "the command $command_name" "$@"
}

need_library() {   # need_library PKG_CONFIG_NAME LEAST_VERSION PACKAGE
    # without pkg-config nothing can be said, and it is named itself
    if have pkg-config && pkg-config --atleast-version="$2" "$1" 2>/dev/null; then return; fi
    lacks "the library $1, version $2 or later, with its headers" "$3"
}

need_module() {    # need_module NAME PACKAGE: a module of httpd
    for directory in "$(apxs -q LIBEXECDIR 2>/dev/null || true)" /usr/lib/apache2/modules /usr/lib64/httpd/modules; do
        if [ -n "$directory" ] && [ -e "$directory/mod_$1.so" ]; then return; fi
    done
    lacks "the httpd module mod_$1" "$2"
}

need_libfuzzer() {
    # without clang nothing can be said, and it is named itself
    if ! have clang || [ -e "$(clang -print-file-name=lib/linux/libclang_rt.fuzzer-$(uname -m).a)" ]; then return; fi
    for directory in "$(clang -print-resource-dir)"/lib/*; do
        if ls "$directory"/libclang_rt.fuzzer* >/dev/null 2>&1; then return; fi
    done
    lacks "libFuzzer of clang" "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

need_postgres() {  # Debian keeps the server's programs out of the PATH
    have initdb && return
    for directory in /usr/lib/postgresql/*/bin; do
        if [ -x "$directory/initdb" ]; then return; fi
    done
    lacks "PostgreSQL's server" postgresql
}

node_major() {
    node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0
}

need_node() {
    if [ "$(node_major)" -lt 18 ]; then lacks "node, version 18 or later" nodejs; fi
    need_command npm npm
}

set_build() {
    need_command gcc gcc libc6-dev
    need_command make make
    need_command pkg-config pkg-config
    need_command apxs apache2-dev
    need_library libcurl 7.88 libcurl4-openssl-dev
    need_library jansson 2.14 libjansson-dev
    need_library openssl 3.0 libssl-dev
    need_library sqlite3 3.40 libsqlite3-dev
    need_library libpq 14 libpq-dev
}

set_demo() {
    set_build
    if ! have apache2 && ! have httpd; then lacks "httpd 2.4 (apache2)" apache2-bin; fi
    need_module auth_openidc libapache2-mod-auth-openidc
    need_node
    node_folders=.
}

set_check() {
    set_demo
    need_library cmocka 1.1 libcmocka-dev
    need_command sqlite3 sqlite3
    need_command jq jq
    need_command nm binutils
    need_command openssl openssl
    need_postgres
    if ! have chromium && ! have chromium-browser && ! have google-chrome; then lacks "the browser chromium" chromium; fi
    need_command firefox-esr firefox-esr
    set_page
}

# The linters of the page, apart because the demo does without them.
set_page() {
    need_node
    node_folders="$node_folders page"
}

set_lighthouse() {
    need_node
    if [ "$(node_major)" -lt 20 ]; then lacks "node, version 20 or later, for Lighthouse" nodejs; fi
    if ! have chromium && ! have chromium-browser && ! have google-chrome; then lacks "the browser chromium" chromium; fi
    node_folders="$node_folders . lighthouse"
}

set_asan()     { set_check; need_command clang clang; }
set_valgrind() { set_check; need_command valgrind valgrind; }
set_analyze()  { set_build; need_command clang clang; need_command clang-tidy clang-tidy; }
set_fuzz()     { set_build; need_command clang clang; need_libfuzzer; }
set_cover()    { set_check; need_command gcovr gcovr; }
set_bench()    { set_demo; need_postgres; need_command wrk wrk; need_command sqlite3 sqlite3; }

find_missing() {
    packages='' missing='' node_folders=''
    for set_name in "$@"; do
        case $set_name in
            build|demo|check|page|lighthouse|asan|valgrind|analyze|fuzz|cover|bench) "set_$set_name" ;;
            *) echo "tests/deps.sh: no set named '$set_name'; there are: build demo check page lighthouse asan valgrind analyze fuzz cover bench" >&2; exit 2 ;;
        esac
    done
    missing=$(printf '%s\n' "$missing" | awk 'NF && !seen[$0]++')
    packages=$(printf '%s\n' $packages | awk 'NF && !seen[$0]++' | tr '\n' ' ')
}

# What npm noted at its last install says the same as the lock file.
node_modules_match() {   # node_modules_match FOLDER
    [ -e "$1/node_modules/.package-lock.json" ] && have node && node -e '
        const [want, have] = process.argv.slice(1).map((f) => JSON.parse(require("fs").readFileSync(f)).packages);
        const same = ([name, p]) => name === "" || p.optional
            || (have[name] && have[name].version === p.version && have[name].integrity === p.integrity);
        process.exit(Object.entries(want).every(same) && Object.keys(have).every((name) => want[name]) ? 0 : 1);
    ' "$1/package-lock.json" "$1/node_modules/.package-lock.json"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else echo "tests/deps.sh: installing packages needs root or sudo" >&2; exit 1
    fi
}

# Runs a command quietly; shows what it said when it fails.
quietly() {
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then rm -f "$log"; return; fi
    cat "$log" >&2
    rm -f "$log"
    echo "tests/deps.sh: failed: $*" >&2
    exit 1
}

[ $# -gt 0 ] || set -- check
find_missing "$@"
npm_missing=
for folder in $node_folders; do node_modules_match "$tests/$folder" || npm_missing="$npm_missing $folder"; done

if [ "${AMLAPS_NO_INSTALL:-0}" = 1 ] && { [ -n "$missing" ] || [ -n "$npm_missing" ]; }; then
    {
        echo "Missing for '$*', and AMLAPS_NO_INSTALL=1 forbids installing:"
        if [ -n "$missing" ]; then printf '%s\n' "$missing"; fi
        if [ -n "$npm_missing" ]; then printf '  the npm packages of tests/%s/package-lock.json (npm ci there)\n' $npm_missing; fi
        if [ -n "$packages" ]; then echo "On Debian: apt-get install --no-install-recommends $packages"; fi
    } >&2
    exit 1
fi

if [ -n "$packages" ]; then
    if ! have apt-get; then
        { echo "Missing for '$*', and this machine has no apt-get to install it with:"; printf '%s\n' "$missing"; } >&2
        exit 1
    fi
    echo "Installing: $packages"
    quietly as_root apt-get update
    # shellcheck disable=SC2086
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
    hash -r
    find_missing "$@"
    if [ -n "$missing" ]; then
        { echo "Still missing after the packages were installed:"; printf '%s\n' "$missing"; } >&2
        exit 1
    fi
fi

for folder in $npm_missing; do
    echo "Installing the npm packages of tests/$folder/package-lock.json"
    quietly npm --prefix "$tests/$folder" ci --ignore-scripts --no-audit --no-fund
done
