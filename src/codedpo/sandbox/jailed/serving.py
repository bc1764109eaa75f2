"""Requests in, answers out: what the zygote does once it is in its jail and the nursery has started."""

import table
import timed
from clerk import Clerk

__all__ = ["Clerk", "serve"]


def serve(request, children, clerk):
    """(header, binary tail) that answer a request."""
    if request.get("kind") == "measure":
        return timed.measure(request, children), b""
    children.wall_factor = request["limits"]["wall_factor"]
    task = table.Table(request, children, clerk)
    task.run()
    header = {"reasons": list(task.reasons.items()), "chance": task.chance}
    return header, bytes(task.outcomes) + bytes(task.inside) + task.cpu.tobytes()
