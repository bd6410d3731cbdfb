"""Stands OpenSSH's SFTP server up for a test, on a folder of the test, for whoever runs it: no root is needed."""

import getpass
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.peers import PeerUnavailable, ports
from tests.peers.process import Process


class SftpServer(Process):
    """Context manager: `port` is its port, `user` who may come in, `key` with which private key, `host_key` its own.

    `folder` is where its keys are made. It gives all files of the machine that the user may read. Raises
    PeerUnavailable where Debian's package openssh-server is not installed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(self._start, ready=r"Server listening on 127\.0\.0\.1 port (\d+)", guarded=True)
        self._place, self.user = folder, getpass.getuser()
        self.key = folder / "user_key"

    def __enter__(self) -> Self:
        super().__enter__()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])
        return self

    @property
    def host_key(self) -> str:
        """The server's public key."""
        return (self._place / "host_key.pub").read_text().rpartition(" ")[0]

    def _start(self) -> list[str]:
        program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None or shutil.which("ssh-keygen") is None:
            raise PeerUnavailable("the SFTP server needs Debian's package openssh-server")
        self._place.mkdir(parents=True, exist_ok=True)
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it where it is run as root
        for name in ("host_key", "user_key"):
            if not (self._place / name).exists():
                command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._place / name)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        shutil.copyfile(self._place / "user_key.pub", self._place / "authorized_keys")
        [port] = ports.free()
        config = self._place / "sshd_config"
        config.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {self._place}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {self._place}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
            "Subsystem sftp internal-sftp\nMaxStartups 100\n"
        )
        return [program, "-D", "-e", "-f", str(config)]
