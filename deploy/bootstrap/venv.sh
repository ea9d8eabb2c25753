#!/usr/bin/env bash
# Make .venv and install the locked packages into it, those of the demo too; with "dev" those for tests and checks, with "conformance" others' clients.
# Quick when nothing changed. Another Python, a moved folder or a broken .venv: made anew.
set -euo pipefail
cd "$(dirname "$0")/../.."

fits() { "$1" -c "import sys; sys.exit(not sys.version_info$2)" 2>/dev/null; }

# Debian 13's own, wherever it lies; a newer one only by name.
find_python() {
    for name in python3.13 python3 /usr/bin/python3.13 /usr/local/bin/python3.13 ~/.pyenv/versions/3.13.*/bin/python3.13; do
        if fits "$name" "[:2] == (3, 13)"; then echo "$name" && return; fi
    done
    return 1
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" " >= (3, 13)" && echo "$PYTHON" && return
        echo "PYTHON=$PYTHON is missing or older than 3.13. Name another one: make PYTHON=/path/to/python3.13 ..." >&2
        exit 1
    fi
    find_python && return
    apt_install >&2 && find_python && return
    echo "AdToken needs Python 3.13. On Debian 13: apt-get install python3.13-venv; elsewhere: make PYTHON=/path/to/python3.13 ..." >&2
    exit 1
}

# Python 3.13 itself, and what venv needs of it: Debian keeps that in a package of its own.
apt_install() {
    command -v apt-get >/dev/null || return 1
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        as_root=(sudo -n)
    fi
    echo "Installing python3.13-venv ..."
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3.13-venv >/dev/null
}

make_venv() {
    rm -rf .venv
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv .venv
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip .venv
        "$python" -m pip --python .venv/bin/python install --quiet --disable-pip-version-check pip
    elif command -v virtualenv >/dev/null; then
        virtualenv --quiet --python "$python" .venv
    elif apt_install && "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv .venv
    else
        echo "$python cannot make a virtual environment. On Debian: apt-get install python3.13-venv" >&2
        exit 1
    fi
}

python=$(choose_python)
# The one below an activated .venv, which may be about to be removed.
python=$("$python" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
lists=(requirements.txt requirements-demo.txt)
for more in "$@"; do lists+=("requirements-$more.txt"); done

origin="$PWD $("$python" -c 'import os, sys; print(os.path.realpath(sys.executable), sys.version)')"
if [ "$(cat .venv/made-from 2>/dev/null)" != "$origin" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    echo "Making .venv with $python ..."
    make_venv
    echo "$origin" > .venv/made-from
fi

pip_install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$1"; }

# uv, of the version and by the hashes that requirements-dev.txt names, installs in seconds. It reads none of pip's settings.
uv_install() {
    if ! .venv/bin/python -m uv --version >/dev/null 2>&1; then
        sed -n '/^uv==/,/[^\\]$/p' requirements-dev.txt > .venv/uv.txt || return 1
        pip_install .venv/uv.txt
    fi
    .venv/bin/python -m uv pip install --quiet --python .venv/bin/python --require-hashes -r "$1" 2>.venv/uv.log
}

for list in "${lists[@]}"; do
    stamp=.venv/installed-$list
    if ! cmp -s "$list" "$stamp"; then
        echo "Installing $list ..."
        uv_install "$list" || pip_install "$list"
        cp "$list" "$stamp"
    fi
done
