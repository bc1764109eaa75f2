"""Stands in for the `vllm` program: `serve MODEL --host H --port P`, health, the chat protocol, an API key.

`--fail` ends it at once with a message, `--never-ready` leaves /health at 503, `--worker FILE` starts a child that sleeps
and writes its process id to FILE, as vLLM's workers do.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("verb", choices=["serve"])
parser.add_argument("model")
parser.add_argument("--host")
parser.add_argument("--port", type=int)
parser.add_argument("--fail", action="store_true")
parser.add_argument("--never-ready", action="store_true")
parser.add_argument("--worker")
given = parser.parse_args()
if given.fail:
    sys.exit("CUDA out of memory")
if given.worker:
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    with open(given.worker, "w") as file:
        file.write(str(worker.pid))
READY = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.reply(200 if READY.is_set() else 503, {})

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
            return self.reply(401, {"error": {"message": "bad key"}})
        text = f"{given.model} {payload['model']} {payload['seed']}"
        choices = [{"message": {"content": text}, "finish_reason": "stop"}] * payload["n"]
        return self.reply(200, {"choices": choices, "usage": {"prompt_tokens": 1, "completion_tokens": 1}})

    def reply(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def get_ready() -> None:
    time.sleep(0.3)
    READY.set()


if not given.never_ready:
    threading.Thread(target=get_ready, daemon=True).start()
ThreadingHTTPServer((given.host, given.port), Handler).serve_forever()
