"""The LLM layer against a server on loopback that answers at a fixed rate; every part prints ratios of one run.

python perf/llm.py rate      our client, cache included, against a bare client; 512 requests under way
python perf/llm.py cache     memory and time of a cache with millions of answers
python perf/llm.py canned    completions a second of perf/loopback.py's own texts
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from codedpo.llms import Completion, Request, Sampling
from codedpo.llms.answers import AnswerFolder, key_of
from codedpo.llms.cache import CachedLLM
from codedpo.llms.client import OpenAIClient
from codedpo.llms.openai import OpenAIServer
from codedpo.prompting import solution_prompt, template

CONCURRENCY, THREADS, ROUNDS = 512, 4, 3
MESSAGES = solution_prompt("Given a list of numbers, return the largest. " * 12, "def f(x: list[int]) -> int:")


@contextlib.contextmanager
def loopback(*arguments: str) -> Iterator[str]:
    """A server in a process of its own; gives its base URL."""
    command = [sys.executable, str(Path(__file__).with_name("loopback.py")), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def bare(base_url: str, count: int) -> None:
    """The least that a client can do: plain sockets, kept alive, JSON parsed."""
    address = urlsplit(base_url)
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            reader, writer = idle.pop() if idle else await asyncio.open_connection(address.hostname, address.port)
            payload = {
                "model": "m",
                "messages": MESSAGES,
                "n": 1,
                "seed": number,
                "temperature": 1.0,
                "max_tokens": 512,
            }
            body = json.dumps(payload).encode()
            head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            json.loads(await reader.readexactly(length))["choices"][0]["message"]["content"]
            idle.append((reader, writer))

    async def all_of_them() -> None:
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))

    asyncio.run(all_of_them())


def ours(base_url: str, count: int) -> None:
    """Our client behind its cache, asked by several threads as shards do."""
    requests = [Request(MESSAGES, Sampling(max_tokens=512), seed=number) for number in range(count)]
    server = OpenAIServer("m", base_url=base_url, concurrency=CONCURRENCY)
    with tempfile.TemporaryDirectory() as folder, OpenAIClient(server) as client, AnswerFolder(Path(folder)) as answers:
        llm = CachedLLM(client, answers)
        shards = [requests[number::THREADS] for number in range(THREADS)]
        threads = [threading.Thread(target=llm.generate, args=(shard, lambda *_: None)) for shard in shards]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


CLIENTS: dict[str, Callable[[str, int], None]] = {"bare": bare, "ours": ours}


def client(name: str, base_url: str, count: int) -> None:
    """One client in this process; prints its rate, processor time and memory as JSON."""
    start = time.perf_counter()
    CLIENTS[name](base_url, count)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    milliseconds = (used.ru_utime + used.ru_stime) / count * 1000
    print(json.dumps({"rate": count / seconds, "cpu_ms": milliseconds, "rss_mb": used.ru_maxrss / 1024}))


def rate(per_second: float, count: int) -> None:
    """Rounds of bare and ours in turn, against one server."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
    with loopback("--fixed", "--rate", str(per_second)) as base_url:
        for _ in range(ROUNDS):
            for name in CLIENTS:
                command = [sys.executable, __file__, "client", name, base_url, str(count)]
                found[name].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    print(f"{CONCURRENCY} requests under way, {count} requests a round, server at {per_second:g} completions/s")
    for name, rounds in found.items():
        rates = ", ".join(f"{one['rate']:.0f}/s" for one in rounds)
        print(
            f"{name:>6}: {rates}; "
            f"{min(one['cpu_ms'] for one in rounds):.2f} ms of processor time a request, "
            f"at most {max(one['rss_mb'] for one in rounds):.0f} MB"
        )
    ratios = sorted(mine["rate"] / theirs["rate"] for mine, theirs in zip(found["ours"], found["bare"], strict=True))
    print(f" ratio: {', '.join(f'{ratio:.1%}' for ratio in ratios)} (asked: at least 95%, under 300 MB)")


def resident_mb() -> float:
    """Memory of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def cache(count: int) -> None:
    """Write short answers one a line, the costliest case; open the folder again; read some."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        with AnswerFolder(folder) as answers:
            for number in range(count):
                answers.write(key_of(number), 0, [Completion("return 1", "stop", 200, 3)])
        print(f"written: {count / (time.perf_counter() - start):,.0f} answers/s, one to a line")
        before, start = resident_mb(), time.perf_counter()
        with AnswerFolder(folder) as answers:
            seconds, grown = time.perf_counter() - start, resident_mb() - before
            print(f"opened: {count:,} lines in {seconds:.1f} s, {grown * 2**20 / count:.0f} bytes of memory each")
            start = time.perf_counter()
            for number in range(0, count, max(1, count // 20_000)):
                assert answers.read(key_of(number), 0, 1)
            print(f"read: {min(count, 20_000) / (time.perf_counter() - start):,.0f} answers/s")
            print(f"most memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def canned(count: int) -> None:
    """How fast the server makes its own texts: solutions and tests of tasks that it wrote itself."""
    with loopback() as base_url, OpenAIClient(OpenAIServer("m", base_url=base_url, concurrency=64)) as llm:
        drafts = [
            Request(template("task").render(concepts=f"c{number}"), Sampling(), number) for number in range(count)
        ]
        texts = [row[0].text for row in llm.generate(drafts, lambda *_: None)]
        tasks = [text.split("SIGNATURE: ")[1].split("\n")[0] for text in texts if "EXAMPLE: " in text]
        requests = [
            Request(messages, Sampling(), seed=1, n=8)
            for signature in tasks
            for messages in (
                solution_prompt("A task.", signature),
                template("tests").render(text="A task.", signature=signature, entry_point="f", count="5"),
            )
        ]
        start = time.perf_counter()
        answers = llm.generate(requests, lambda *_: None)
        seconds = time.perf_counter() - start
    print(f"{sum(map(len, answers)) / seconds:,.0f} completions/s, half solutions and half answers with 5 tests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("rate")
    part.add_argument("--per-second", type=float, default=500.0)
    part.add_argument("--count", type=int, default=5000)
    parts.add_parser("cache").add_argument("--count", type=int, default=1_000_000)
    parts.add_parser("canned").add_argument("--count", type=int, default=100)
    part = parts.add_parser("client")
    part.add_argument("name", choices=CLIENTS)
    part.add_argument("base_url")
    part.add_argument("count", type=int)
    given = vars(parser.parse_args())
    {"rate": rate, "cache": cache, "canned": canned, "client": client}[given.pop("part")](**given)


if __name__ == "__main__":
    main()
