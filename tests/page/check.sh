#!/bin/sh
# Types, scripts, markup and styles of the page: tests/page/check.sh, after npm ci in this folder.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/tests/page/node_modules/.bin:$PATH
tsc -p tests/page/tsconfig.json
eslint --config tests/page/eslint.config.mjs htdocs
html-validate --config tests/page/.htmlvalidate.json htdocs/index.html
stylelint --config tests/page/stylelint.config.mjs 'htdocs/**/*.css'
echo "ok: types, scripts, markup and styles of the page"
