#!/bin/sh
# The module exports one symbol (APR loads modules with RTLD_GLOBAL: any other could replace another module's) and starts no shell.
set -eu
module=${AMLAPS_MODULE:-build/mod_amlaps.so}

if [ ! -e "$module" ]; then echo "symbols: $module is missing; run make"; exit 1; fi

exported=$(nm -D --defined-only "$module" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort)
if [ "$exported" != amlaps_module ]; then
    echo "symbols: $module must export amlaps_module alone, but exports:"
    printf '%s\n' "${exported:-nothing}"
    exit 1
fi
forbidden=$(nm -D --undefined-only "$module" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
    grep -E '^(system|popen|(f?exec)[a-z]*|posix_spawnp?|v?fork)$' || true)
if [ -n "$forbidden" ]; then
    echo "symbols: $module must start no program by itself, but imports:"
    printf '%s\n' "$forbidden"
    exit 1
fi
echo "ok: one exported symbol, and nothing that starts a program"
