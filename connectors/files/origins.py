"""Files at an address: HTTP(S), S3 and SFTP, each as an `Origin`. Only the declared host is ever called."""

from pathlib import Path
from urllib.parse import urlsplit

from connectors.errors import Misconfigured
from connectors.files.reading import Remote
from connectors.files.settings import FilesSettings
from connectors.pacing import Pace


def origin(settings: FilesSettings, name: str, root: Path, pace: Pace) -> Remote:
    """Return where the files of a registry come from, whose `url` is an address. Raises Misconfigured.

    `name` is the registry's, `root` the workspace. Nothing is called yet.
    """
    scheme = urlsplit(settings.url or "").scheme
    if scheme in ("http", "https"):
        from connectors.files.origins_http import HttpOrigin

        return HttpOrigin(settings, name, root, pace)
    if scheme == "s3":
        from connectors.files.origins_s3 import S3Origin

        return S3Origin(settings, name, root, pace)
    if scheme == "sftp":
        from connectors.files.origins_sftp import SftpOrigin

        return SftpOrigin(settings, name, root, pace)
    raise Misconfigured(f"{name}: the address is none of https://, sftp://, s3://", registry=name)
