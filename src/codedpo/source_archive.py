# pyright: basic
# (pip's own classes are not typed for others)
"""A requirement and a folder as arguments, a package's source archive in that folder out; run as a script.

`pip download` learns a source archive's metadata by running its build script. So pip's index client is asked for the
file alone. It is not a public interface of pip: what changes there ends in an error here, in a process of its own.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path


def main(requirement: str, folder: str) -> str | None:
    """Download the archive; returns what is wrong, or None."""
    try:
        from pip._internal.commands.download import DownloadCommand
        from pip._vendor.packaging.requirements import Requirement
    except ImportError as error:
        return f"this pip has no index client that is known here ({error}); use wheels: `archive: wheel`"
    wanted = Requirement(requirement)
    command = DownloadCommand("download", "")
    with command.main_context():
        options, _ = command.parse_args(["--no-binary=:all:", "--no-deps", "--quiet", requirement])
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)
        candidate = finder.find_best_candidate(wanted.name, wanted.specifier).best_candidate
        if candidate is None:
            return f"no source archive of {requirement}"
        answer = session.get(candidate.link.url_without_fragment, headers={"Accept-Encoding": "identity"})
        answer.raise_for_status()
    expected = candidate.link.hash
    if expected and hashlib.new(candidate.link.hash_name or "", answer.content).hexdigest() != expected:
        return f"{candidate.link.filename} is not what the index says: its hash differs"
    (Path(folder) / candidate.link.filename).write_bytes(answer.content)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
