"""A worker that compiles and renders bombs, and after each an ordinary message; `python -m tests.safety.bomb_worker`.

It has 256 MB more than it begins with, enforced by the kernel, and prints one line of JSON for each bomb.
"""

import json
import resource
import time
from pathlib import Path

import django

django.setup()

from campaigns.templating.compile import Compiled  # noqa: E402
from campaigns.templating.render import RenderFailed, render  # noqa: E402
from tests.campaigns.templating.making import compiled, rendered  # noqa: E402
from tests.safety.bombs import Bomb, bombs  # noqa: E402

LIMIT = 256 * 2**20


def main() -> None:
    """Try all of them in one process."""
    ordinary()
    size = _status("VmSize")
    resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT, size + LIMIT))
    for bomb in bombs():
        Path("/proc/self/clear_refs").write_text("5")
        before, began = _status("VmRSS"), time.process_time()
        ended = tried(bomb)
        said = {
            "name": bomb.name,
            "ended": ended,
            "seconds": round(time.process_time() - began, 2),
            "bytes": _status("VmHWM") - before,
            "lives": ordinary(),
        }
        print(json.dumps(said), flush=True)


def tried(bomb: Bomb) -> str:
    """Compile and render; how it ended: refused by the compiler, failed while rendering, or shown."""
    template: Compiled = compiled(
        bomb.body, subject=bomb.subject, text=bomb.text or None, blocks=bomb.blocks.keys()
    )
    if not template.is_publishable:
        return "refused"
    try:
        render(template, {"unsubscribe_url": "https://s.example/u"} | bomb.context, blocks=bomb.blocks)
    except RenderFailed:
        return "failed"
    return "shown"


def ordinary() -> bool:
    """Whether an ordinary message is written as ever."""
    message = rendered(
        "<mj-text>Hello {{ customer.first_name }}</mj-text>", {"customer": {"first_name": "Ann"}}
    )
    return "Hello Ann" in message.html


def _status(name: str) -> int:
    """A figure of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
