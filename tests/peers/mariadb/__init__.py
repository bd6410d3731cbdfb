"""MariaDB as Debian has it."""
