#!/usr/bin/env bash
# Make a release of what is committed: dist/ gets the source, the list of its packages (CycloneDX), the pages as a site, and the hashes of
# these; then the tag. It sends nothing anywhere: `git push origin vX` and handing out dist/ are the maintainer's.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(.venv/bin/python -c 'from adtoken_project.version import VERSION; print(VERSION)')
refuse() { echo "$1" >&2 && exit 1; }
[ -z "$(git status --porcelain)" ] || refuse "A release is what is committed: commit or put away your changes first."
! git rev-parse --quiet --verify "refs/tags/v$version" >/dev/null || refuse "v$version is there: raise adtoken_project/version.py and pyproject.toml."
grep --quiet --fixed-strings --line-regexp "version = \"$version\"" pyproject.toml || refuse "pyproject.toml has another version than $version."
grep --quiet --fixed-strings --line-regexp "## $version" CHANGELOG.md || refuse "CHANGELOG.md says nothing of $version."

if [ "${1:-}" = --check ]; then exit; fi
rm -rf dist && mkdir dist
# Of the same commit the same bytes: no time of today is in them.
git archive --format=tar --prefix="adtoken-$version/" HEAD | gzip --no-name --best > "dist/adtoken-$version.tar.gz"
.venv/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o "dist/adtoken-$version.cdx.json" requirements.txt
tar --create --sort=name --mtime="@$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner -C var docs | gzip --no-name --best > "dist/adtoken-$version-docs.tar.gz"
(cd dist && sha256sum -- * > SHA256SUMS)
WRITE_FILLED=1 .venv/bin/python -m pytest --quiet -p no:cacheprovider tests/project/test_upgrade.py
git tag --annotate "v$version" --message "AdToken $version"
echo "v$version is tagged, and dist/ holds:" && cat dist/SHA256SUMS
echo "Commit tests/project/data/filled.json.gz next: rows at the schema of $version, from which later migrations are tested."
