"""Independent parts that tests speak to over sockets: servers on other stacks, a proxy that breaks connections."""


class PeerUnavailable(Exception):
    """A peer cannot be had on this machine; the message says which and why."""
