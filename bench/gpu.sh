#!/bin/sh
# The same figures on an NVIDIA GPU, and the engine's exactness there.
#
#   sh bench/gpu.sh                  quick: the embedded base against transformers + PEFT
#   sh bench/gpu.sh all --json gpu.json --plots plots
#
# Whatever follows is handed to `python -m bench`; `--device cuda` puts our engine and PEFT on the GPU. llama.cpp
# joins when it was built with `sh bench/peers.sh --cuda`. The table "tokens equal" is the parity test: our engine
# against PEFT, both fp32 on the GPU, and the script fails when an answer of ours differs.
set -eu

cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
[ -x "$PYTHON" ] || { echo "$PYTHON is missing: run make setup, or set PYTHON" >&2; exit 1; }

"$PYTHON" - <<'CHECK' || exit 1
import sys
import torch
if not torch.cuda.is_available():
    sys.exit(f"No GPU: torch {torch.__version__} sees no CUDA device. Install a CUDA build of torch and check nvidia-smi.")
print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
CHECK

[ $# -gt 0 ] || set -- engine --quick
REPORT=$(mktemp)
trap 'rm -f "$REPORT"' EXIT
# fp32 must mean fp32: without TF32, products have all their digits.
NVIDIA_TF32_OVERRIDE=0 "$PYTHON" -m bench engine --quick --rounds 1 --device cuda --json "$REPORT" >/dev/null
"$PYTHON" -m bench.scenes.parity "$REPORT"
"$PYTHON" -m bench "$@" --device cuda
