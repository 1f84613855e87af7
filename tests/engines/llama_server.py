"""`python llama_server.py GGUF PORT NAME [ADAPTER …]`: llama.cpp's server, until standard input ends.

Run by `running` with the interpreter of .engines/, which has nothing of this project.
"""

import sys

import xllamacpp

CONTEXT_TOKENS, SLOTS = 2_048, 2


def main(gguf: str, port: str, name: str, *adapters: str) -> None:
    chosen = xllamacpp.CommonParams()
    chosen.model.path, chosen.model_alias = gguf, {name}
    chosen.hostnames, chosen.port = ["127.0.0.1"], int(port)
    chosen.n_ctx, chosen.n_parallel = SLOTS * CONTEXT_TOKENS, SLOTS
    chosen.cpuparams.n_threads = chosen.cpuparams_batch.n_threads = 1  # two wait for each other beside other tests
    chosen.cache_type_k = chosen.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32  # as our engine keeps it
    chosen.endpoint_slots = chosen.lora_init_without_apply = True
    chosen.lora_adapters = [_adapter(path) for path in adapters]
    server = xllamacpp.Server(chosen)
    print(server.listening_address, flush=True)
    sys.stdin.read()


def _adapter(path: str) -> xllamacpp.CommonAdapterLoraInfo:
    found = xllamacpp.CommonAdapterLoraInfo()
    found.path, found.scale = path, 1.0
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
