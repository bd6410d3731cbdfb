"""An SFTP server: OpenSSH's own, as Debian has it (openssh-server), with a host key and a user of its own."""
