"""Compiles one module into the cache of artifacts, in a process that `policy.compiler` starts.

    python -I -S _compile.py FOLDER_OF_THE_EXTENSION CACHE TIER MEGABYTES < MODULE

It imports the extension alone, so that it starts in a hundredth of a second. Exits with one of the
codes below; what is wrong is on stdout.
"""

import importlib
import os
import resource
import sys

OK, REFUSED, NOT_KEPT = 0, 3, 4

# Above what the parent waits for, so that a process without a parent ends, too.
CPU_SECONDS = 120
NICENESS = 10


def main(folder: str, cache: str, tier: str, megabytes: str) -> int:
    """Compile what stdin holds; the exit code."""
    memory = int(megabytes) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if tier == "optimized":
        os.nice(NICENESS)  # it has time: fast code serves meanwhile
    sys.path.append(folder)
    native = importlib.import_module("_native")
    try:
        native.compile_artifact(sys.stdin.buffer.read(), cache=cache, tier=tier)
    except (ValueError, OSError) as error:
        sys.stdout.write(str(error))
        return REFUSED if isinstance(error, ValueError) else NOT_KEPT
    return OK


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
