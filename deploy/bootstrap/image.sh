#!/usr/bin/env bash
# Build the image of what lies here, named and labelled by its version and commit.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
docker build --file deploy/Dockerfile --tag "adtoken:$version" --tag adtoken \
    --label "org.opencontainers.image.title=AdToken" --label "org.opencontainers.image.version=$version" \
    --label "org.opencontainers.image.revision=$(git rev-parse HEAD)" \
    ${MORE_PACKAGES:+--build-arg "MORE_PACKAGES=$MORE_PACKAGES"} .
