#!/usr/bin/env bash
# Everything a fresh Debian machine lacks, installed once. Sourced by `scripts/serve` and `scripts/test`; safe to repeat.
#
# Given: rustup with a stable toolchain, node and python. What is built lands in a cache folder outside the checkout
# (TIMEPIN_CACHE, default ~/.cache/timepin), so that a second clone starts warm.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${TIMEPIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/timepin}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
# What cargo-leptos tells the compiler: told to every other build too, so that tests and server share one build of the page.
export LEPTOS_OUTPUT_NAME=timepin DISABLE_SERVER_FN_HASH=true SERVER_FN_PREFIX=/api
export PATH="$cache/tools/bin:$root/end2end/node_modules/.bin:$HOME/.cargo/bin:$PATH"

wasm_bindgen_version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' "$root/Cargo.lock")
cargo_leptos_version=0.3.10 # the newest that rustc 1.95 accepts

say() { printf '\n\033[1m▸ %s\033[0m\n' "$*" >&2; }
fail() { printf '\n\033[31m✗ %s\033[0m\n' "$*" >&2; exit 1; }

# Debian packages by the command they bring: `debian ffmpeg=ffmpeg`. Asks for nothing when all are there.
debian() {
  local missing=() pair
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "Please install: ${missing[*]} (this is not a Debian system, so it cannot be done for you)."
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  say "Installing ${missing[*]} from the distribution (a minute or two)"
  "${sudo[@]}" apt-get update -qq || fail "The package lists could not be read: check the network connection."
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install ${missing[*]}."
}

# A cargo command line tool in the wanted version, built with light optimisation: it only orchestrates.
cargo_tool() {
  local name=$1 command=$2 version=$3 minutes=$4
  shift 4
  [ "$("$command" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" = "$version" ] && return
  say "Building $name $version (once, about $minutes minutes on two cores)"
  CARGO_TARGET_DIR="$cache/tools-target" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install "$name" --version "$version" --root "$cache/tools" --quiet "$@" ||
    fail "$name could not be built: see the compiler's message above."
  rm -rf "$cache/tools-target"
}

setup_build() {
  command -v rustup >/dev/null || fail "rustup is missing: install it from https://rustup.rs, then run this again."
  command -v node >/dev/null || fail "node is missing: install Node.js 20 or later, then run this again."
  debian cc=build-essential pkg-config=pkg-config ffmpeg=ffmpeg
  rustup target list --installed | grep -qx wasm32-unknown-unknown || {
    say "Adding the wasm32 target to the Rust toolchain"
    rustup target add wasm32-unknown-unknown || fail "The wasm32-unknown-unknown target could not be installed."
  }
  cargo_tool wasm-bindgen-cli wasm-bindgen "$wasm_bindgen_version" 5
  cargo_tool cargo-leptos cargo-leptos "$cargo_leptos_version" 12 --locked
  # `wasm-opt` and Playwright; the lock file decides, so nothing happens when it is already satisfied.
  if ! cmp -s "$root/end2end/package-lock.json" "$root/end2end/node_modules/.installed-lock"; then
    say "Installing npm packages (wasm-opt, Playwright)"
    (cd "$root/end2end" && npm ci --no-audit --no-fund --silent) || fail "npm could not install the packages of end2end/."
    cp "$root/end2end/package-lock.json" "$root/end2end/node_modules/.installed-lock"
  fi
}

build_release() {
  say "Building the release: server, page, style (cold: about 15 minutes on two cores; warm: under a minute)"
  (cd "$root" && cargo leptos build --release --precompress) || fail "The build failed: see the compiler's message above."
}
