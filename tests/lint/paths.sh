#!/bin/sh
# Nothing in the repository names a path of one machine or the host that packages came from.
set -eu
status=0
temporary=$(mktemp)
trap 'rm -f "$temporary"' EXIT

if [ -e .git ] && command -v git >/dev/null; then
    git -c safe.directory='*' ls-files -co --exclude-standard
else
    find . -type f ! -path './build/*' ! -path '*/node_modules/*' ! -path './.git/*' | sed 's#^\./##'
fi | grep -v '^tests/lint/paths\.sh$' >"$temporary"
if [ ! -s "$temporary" ]; then echo "paths: no file found to look at"; exit 1; fi

while read -r file; do
    [ -f "$file" ] || continue   # removed, and not committed yet
    if grep -InE '(^|[^A-Za-z0-9_.~*/-])/(work|root|home)/' "$file" /dev/null; then echo "$file: a path of one machine"; status=1; fi
    if grep -InE '(registry\.npmjs|registry\.yarnpkg|deb\.debian|security\.debian|snapshot\.debian|pypi|files\.pythonhosted)\.(org|com)' "$file" /dev/null; then
        echo "$file: a package host; where packages come from is the machine's business"; status=1
    fi
    case $file in
        *package-lock.json) if grep -n '"resolved"' "$file"; then echo "$file: run npm with omit-lockfile-registry-resolved"; status=1; fi ;;
        *.npmrc) if grep -n '^registry' "$file"; then echo "$file: names a registry"; status=1; fi ;;
    esac
done <"$temporary"

[ $status -ne 0 ] || echo "ok: no path of a machine, no package host"
exit $status
