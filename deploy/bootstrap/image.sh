#!/usr/bin/env bash
# Build the image of what lies here, named and labelled by its version and, where this is no unpacked release, its commit.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
commit=$(git rev-parse HEAD 2>/dev/null || true)
docker build --file deploy/Dockerfile --tag "adtoken:$version" --tag adtoken \
    --label "org.opencontainers.image.title=AdToken" --label "org.opencontainers.image.version=$version" \
    ${commit:+--label "org.opencontainers.image.revision=$commit"} \
    ${MORE_PACKAGES:+--build-arg "MORE_PACKAGES=$MORE_PACKAGES"} .
