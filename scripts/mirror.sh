#!/bin/sh
# Puts a provider binary into a filesystem mirror, laid out as `terraform init` and `tofu init` look for it.
# Usage: mirror.sh <binary> <version> <directory>
set -eu

binary=$1 version=$2 mirror=$3

case $(uname -m) in
  x86_64 | amd64) arch=amd64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac
platform=$(uname -s | tr '[:upper:]' '[:lower:]')_$arch

for registry in registry.terraform.io registry.opentofu.org; do
  directory=$mirror/$registry/cloudvolume/cloudvolume/$version/$platform
  mkdir -p "$directory"
  cp "$binary" "$directory/terraform-provider-cloudvolume_v$version"
done
