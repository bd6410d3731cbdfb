"""Ports for programs that cannot be told to take any port and say which."""

import random
import socket
from contextlib import ExitStack
from pathlib import Path

LOWEST, HIGHEST = 10_000, 22_000
RANDOM = random.SystemRandom()
"""What no test seeds: else all processes of a run would choose the same ports."""


def free(count: int = 1, beside: int = 0) -> list[int]:
    """Return so many ports of 127.0.0.1 that nobody listens on; with `beside`, each port + `beside` is free as well.

    They lie below those that the system gives to outgoing connections and to listeners on port 0: one of those may be
    taken by anybody before the program for which it was found free is up.
    """
    system = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    below = min(HIGHEST, system - beside)
    found = list[int]()
    with ExitStack() as held:  # until all are found: no two of them are the same, or beside one another
        while len(found) < count:
            # where the system's begin as low as ours, no port is safe, and a peer starts anew with others
            port = RANDOM.randrange(LOWEST, below if below > LOWEST else HIGHEST)
            try:
                for each in {port, port + beside}:
                    held.enter_context(socket.create_server(("127.0.0.1", each)))
            except OSError:
                continue
            found.append(port)
    return found
