"""Requests in, answers out: what the zygote does once it is in its jail and the nursery has started."""

import agreement
import calling
import table
import timed
from clerk import Clerk
from handles import Kept

__all__ = ["Clerk", "Kept", "serve"]


def serve(request, kept, clerk, consult):
    """(header, binary tail) that answer a request.

    Args:
        consult: asks the supervisor in between: (index, bytes) -> whether to go on.
    """
    kept.children.wall_factor = request["limits"]["wall_factor"]
    if request.get("kind") == "measure":
        return timed.measure(request, kept.children), b""
    if request.get("kind") == "agree":
        return agreement.agree(request, kept.children), b""
    if request.get("kind") == "call":
        return calling.call(request, kept.children, consult)
    task = table.Table(request, kept, clerk)
    task.run()
    kept.count(request["tasks_per_process"])
    header = {"reasons": list(task.reasons.items()), "chance": task.chance}
    return header, bytes(task.outcomes) + bytes(task.inside) + task.cpu.tobytes()
