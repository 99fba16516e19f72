#!/bin/sh
# Makes sure that each tool named is there: installs it where that is one known command, else says in one sentence what to do.
set -eu

fail() {
  echo "$1" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

require_cargo() {
  command -v cargo >/dev/null 2>&1 ||
    fail "No Rust toolchain was found: install one from https://rustup.rs and run this again."
}

# The Terraform protocol's definitions are compiled with it. PROTOC names one that is not in PATH.
require_protoc() {
  if [ -n "${PROTOC:-}" ] || command -v protoc >/dev/null 2>&1; then return; fi
  echo "Installing protoc, which the build needs." >&2
  if command -v apt-get >/dev/null 2>&1; then
    as_root apt-get install -y -qq protobuf-compiler >&2 ||
      { as_root apt-get update -qq >&2 && as_root apt-get install -y -qq protobuf-compiler >&2; } || true
  elif command -v brew >/dev/null 2>&1; then
    brew install protobuf >&2 || true
  fi
  command -v protoc >/dev/null 2>&1 ||
    fail "protoc could not be installed: get it from https://protobuf.dev/installation (the package is mostly called protobuf-compiler or protobuf) and run this again."
}

require_cli() {
  [ -n "${TF_CLI:-}" ] && command -v "$TF_CLI" >/dev/null 2>&1 && return
  [ -z "${TF_CLI:-}" ] || fail "TF_CLI names $TF_CLI, which cannot be run."
  fail "Neither terraform nor tofu was found: install one from https://developer.hashicorp.com/terraform/install or https://opentofu.org/docs/intro/install, or name it in TF_CLI, and run this again."
}

for tool in "$@"; do
  "require_$tool"
done
