# pyright: basic
"""The llama.cpp server in a process of its own: settings as JSON in, its address on standard output.

Run as `python -m codedpo.llms.server_process`; ends when its standard input closes, so never outlives its parent.
"""

import importlib
import json
import os
import sys
import typing


def main() -> None:
    """Serve until standard input closes."""
    settings: dict[str, typing.Any] = json.loads(sys.stdin.readline())
    # llama.cpp logs to both standard streams: keep a private handle for the address and give it the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    xllamacpp: typing.Any = importlib.import_module("xllamacpp")

    params = xllamacpp.CommonParams()
    params.model.path = settings["model_path"]
    params.model_alias = {settings["model"]}
    params.n_parallel = settings["parallel"]
    params.n_ctx = settings["parallel"] * settings["context_tokens"]
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    params.n_threads_http = settings["parallel"] + 2
    params.port = 0
    params.hostnames = ["127.0.0.1"]
    params.api_keys = [settings["api_key"]]
    params.n_gpu_layers = settings["gpu_layers"]
    if settings["adapter_path"]:
        adapter = xllamacpp.CommonAdapterLoraInfo()
        adapter.path = settings["adapter_path"]
        adapter.scale = 1.0
        params.lora_adapters = [adapter]
    server = xllamacpp.Server(params)
    answers.write(server.listening_address + "\n")
    answers.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
