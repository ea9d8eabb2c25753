#!/usr/bin/env bash
# Write the catalogues of words anew (`make words`). English has none: its messages are its words.
# Only whoever changes words needs GNU gettext; running and testing AdToken does not.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/../.."

has_gettext() { for tool in xgettext msgmerge msguniq msgattrib msgfmt; do command -v "$tool" >/dev/null || return 1; done; }

apt_install_gettext() {
    command -v apt-get >/dev/null || return 1
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        as_root=(sudo -n)
    fi
    "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gettext >/dev/null
}

if ! has_gettext; then
    echo "Installing GNU gettext for the catalogues ..."
    apt_install_gettext && has_gettext || {
        echo "GNU gettext is missing. Install it (Debian: apt-get install gettext; macOS: brew install gettext) and try again." >&2
        exit 1
    }
fi

languages=()
for folder in locale/*/; do languages+=(--locale "$(basename "$folder")"); done
for catalogue in locale/*/LC_MESSAGES/django.po; do # two people may have added the same message
    msguniq --use-first --no-wrap --output-file "$catalogue" "$catalogue"
done
ignored=()
for name in .venv benchmarks docs drills sandbox staticfiles tests var requirements; do ignored+=(--ignore "$name*"); done
.venv/bin/python manage.py makemessages "${languages[@]}" "${ignored[@]}" \
    --extension html,txt,py --no-location --no-wrap --no-obsolete --verbosity 0
for catalogue in locale/*/LC_MESSAGES/django.po; do
    # Dates of its making would differ each time, and make conflicts of merging.
    sed -i.old -e '/^"POT-Creation-Date:/d' -e '/^"PO-Revision-Date:/d' "$catalogue" && rm "$catalogue.old"
done
.venv/bin/python manage.py compilemessages "${languages[@]}" --verbosity 0
