#!/bin/sh
# Builds llama.cpp's server, a peer of `python -m bench peers`, from the source distribution of llama-cpp-python.
#
#   sh bench/peers.sh           for this processor
#   sh bench/peers.sh --cuda    with CUDA kernels (needs nvcc)
#
# It lands in llama.cpp/ under BENCH_CACHE_DIR (the user's cache folder when that is not set): bin/ and source/ with
# the converters. Needs python3 (3.11 or newer), cmake, a C++ compiler; takes about ten processor minutes. NICE=0
# builds at full speed.
set -eu

VERSION=0.3.36
SHA256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
PYTHON=${PYTHON:-python3}
REPOSITORY=$(cd "$(dirname "$0")/.." && pwd)
[ -x "$REPOSITORY/.venv/bin/python" ] && PYTHON=$REPOSITORY/.venv/bin/python
CACHE=$(cd "$REPOSITORY" && "$PYTHON" -c 'import os, platformdirs; print(os.environ.get("BENCH_CACHE_DIR") or platformdirs.user_cache_path("retinue-bench"))')
HOME_OF_PEER=$CACHE/llama.cpp
GENTLY="nice -n ${NICE:-19}"
CUDA=OFF
[ "${1:-}" = "--cuda" ] && CUDA=ON

if [ -x "$HOME_OF_PEER/bin/llama-server" ]; then
    echo "already built: $HOME_OF_PEER/bin/llama-server (remove the folder to build again)"
    exit 0
fi
command -v cmake >/dev/null || { echo "cmake is needed: apt install cmake g++, or pip install cmake" >&2; exit 1; }

WORK=$CACHE/llama.cpp.build
mkdir -p "$WORK"
cd "$WORK"

# A source distribution is asked for its metadata, so its build backend must be there: in an environment of its own.
if [ ! -f "llama_cpp_python-$VERSION.tar.gz" ]; then
    "$PYTHON" -m venv tools
    tools/bin/pip install --quiet --disable-pip-version-check scikit-build-core
    tools/bin/pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-binary :all: \
        "llama_cpp_python==$VERSION"
fi
"$PYTHON" - "llama_cpp_python-$VERSION.tar.gz" "$SHA256" <<'CHECK'
import hashlib, pathlib, sys
file, wanted = pathlib.Path(sys.argv[1]), sys.argv[2]
if hashlib.sha256(file.read_bytes()).hexdigest() != wanted:
    file.unlink()
    sys.exit(f"{file.name} is not the file that was reviewed: its sha256 differs. It was removed.")
CHECK

if [ ! -d source ]; then
    mkdir -p unpacked
    tar -xzf "llama_cpp_python-$VERSION.tar.gz" -C unpacked
    mv "unpacked/llama_cpp_python-$VERSION/vendor/llama.cpp" source
fi
$GENTLY cmake -S source -B build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DGGML_CUDA=$CUDA \
    -DBUILD_SHARED_LIBS=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >cmake.log
$GENTLY cmake --build build --target llama-server llama-quantize --parallel "$(getconf _NPROCESSORS_ONLN)"

mkdir -p "$HOME_OF_PEER/bin"
cp build/bin/llama-quantize "$HOME_OF_PEER/bin/"
[ -d "$HOME_OF_PEER/source" ] || mv source "$HOME_OF_PEER/source"
cp build/bin/llama-server "$HOME_OF_PEER/bin/"
cd "$CACHE" && rm -rf "$WORK"
echo "built: $HOME_OF_PEER/bin/llama-server"
