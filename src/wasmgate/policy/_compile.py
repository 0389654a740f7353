"""Compiles one module into the cache of artifacts, in a process that `policy.compiler` starts.

    python -I -S _compile.py FOLDER_OF_THE_EXTENSION CACHE TIER MEGABYTES < MODULE

It imports only the extension, so that it starts within 10 ms. It exits with one of the codes below
and writes the error to stdout.
"""

import importlib
import os
import resource
import sys

OK, REFUSED, NOT_KEPT = 0, 3, 4

# Longer than the parent's timeout, so that a process whose parent was killed ends, too.
CPU_SECONDS = 120
NICENESS = 10


def main(folder: str, cache: str, tier: str, megabytes: str) -> int:
    """Compile the module of stdin and return the exit code."""
    memory = int(megabytes) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if tier == "optimized":
        os.nice(NICENESS)  # not urgent: the fast code serves meanwhile
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
