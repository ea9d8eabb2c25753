#!/usr/bin/env bash
# See to it that the browser tests find a Chromium. Never fails: without one they are skipped, and the test run says so.
set -uo pipefail
cd "$(dirname "$0")/../.."

has_chromium() { .venv/bin/python -m tests.support.chromium >/dev/null; }

apt_install_chromium() {
    command -v apt-get >/dev/null || return 1
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        as_root=(sudo -n)
    fi
    "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
}

has_chromium && exit 0
echo "Installing Chromium for the browser tests ..."
apt_install_chromium && has_chromium && exit 0
.venv/bin/python -m playwright install chromium-headless-shell >/dev/null && has_chromium && exit 0
exit 0
