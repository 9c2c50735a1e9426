#!/usr/bin/env bash
# Makes build/venv with the pinned packages of tests/requirements.txt. Quick when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=build/venv/.requirements
if [[ -x build/venv/bin/python ]] && cmp -s tests/requirements.txt "$stamp"; then exit 0; fi
rm -rf build/venv  # of a link to the one of another tree, the link alone
python3 -m venv build/venv
build/venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
cp tests/requirements.txt "$stamp"
