#!/usr/bin/env bash
# The CUDA 13.0 toolkit without a system-wide installation, from Python wheels. Sourced by `scripts/cuda-check` and
# `scripts/cuda-launches` after setup.sh; safe to repeat.
#
# It lands in the cache folder; TIMEPIN_CUDA names a virtual environment that has the wheels already. CUDA_COMPUTE_CAP is the
# card to compile for: 90 (H100, H200) unless you say otherwise. A program built by a newer toolkit than the driver knows is
# refused by the driver: 13.0 is for driver 580 and later.
set -euo pipefail

cuda_wheels=(nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96
  nvidia-cuda-nvrtc==13.0.88 nvidia-cuda-cccl==13.0.85 nvidia-cublas==13.0.2.14 nvidia-curand==10.4.0.35)
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-90}
export NVCC=$root/scripts/cuda/nvcc CUDA_KEPT=$cache/cuda-kernels
# A target folder of its own: the features of candle differ from those of every other build.
export CARGO_TARGET_DIR=$CARGO_TARGET_DIR-cuda

cuda_toolkit() {
  local venv=${TIMEPIN_CUDA:-$cache/cuda-13.0}
  debian cc=build-essential git=git
  if [ -z "${TIMEPIN_CUDA:-}" ] && ! cmp -s "$venv/.installed" <(printf '%s\n' "${cuda_wheels[@]}"); then
    say "Fetching the CUDA 13.0 toolkit (once, about 1.2 GB on disk)"
    python3 -m venv "$venv" || fail "python3 could not make a virtual environment: is python3-venv installed?"
    "$venv/bin/pip" install --quiet --no-deps "${cuda_wheels[@]}" || fail "The toolkit's wheels could not be installed: see above."
    printf '%s\n' "${cuda_wheels[@]}" >"$venv/.installed"
  fi
  toolkit=$(echo "$venv"/lib/python3.*/site-packages/nvidia/cu13)
  [ -x "$toolkit/bin/nvcc" ] || fail "There is no nvcc in $toolkit."
  local library
  ln -sfn lib "$toolkit/lib64"
  for library in cublas.so.13 cublasLt.so.13 cudart.so.13 curand.so.10 nvrtc.so.13; do
    ln -sf "lib$library" "$toolkit/lib/lib${library%.*}"
  done
  driver_stub "$toolkit/lib/libcuda.so"
  export CUDA_HOME=$toolkit CUDA_PATH=$toolkit CUDA_ROOT=$toolkit CUDA_TOOLKIT_ROOT_DIR=$toolkit
  mkdir -p "$CUDA_KEPT"
  export PATH="$toolkit/bin:$PATH" LIBRARY_PATH="$toolkit/lib${LIBRARY_PATH:+:$LIBRARY_PATH}"
}

# The driver's library comes with the driver. To link without one: its name and the names that the bindings know, no code.
driver_stub() {
  local bindings
  bindings=$(cargo metadata --manifest-path "$root/Cargo.toml" --locked --all-features --format-version 1 |
    python3 -c 'import json, os, sys
print(next(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "cudarc"))')
  grep -ohE '\bfn cu[A-Z][A-Za-z0-9_]*' "$bindings/src/driver/sys/mod.rs" | sort -u | sed 's/^fn \(.*\)$/void \1(void) {}/' |
    cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$1" -x c - || fail "The stub of libcuda could not be made."
}

# Builds the server and the example that `cuda-launches` counts, one selection of packages for both: candle is compiled once.
# $1: the feature, `cuda` or `flash-attn`.
cuda_build() {
  (cd "$root" && cargo build --release --locked --bin timepin --example launches --features "server/$1") ||
    fail "The feature $1 does not compile: see above."
}
