"""A time-stamping authority (RFC 3161): `openssl ts` behind a small HTTP server, with certificates made for it."""

import contextlib
import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

CONFIGURATION = """
[tsa]
serial = {folder}/serial
signer_digest = sha256
digests = sha256, sha384, sha512
default_policy = 1.2.3.4.1
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
crypto_device = builtin
"""
SIGNER = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\nbasicConstraints=CA:FALSE\n"


def openssl(folder: Path, *arguments: str, sent: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], cwd=folder, input=sent, capture_output=True, check=True).stdout


def make(folder: Path, name: str) -> None:
    """Make an authority with a root certificate and a signer below it."""
    folder.mkdir()
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj")
    openssl(folder, "req", "-x509", *new, f"/CN={name} root", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, "req", *new, f"/CN={name}", "-keyout", "tsa.key", "-out", "tsa.csr")
    (folder / "signer.cnf").write_text(SIGNER)
    by_root = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "signer.cnf", "-days", "1")
    openssl(folder, "x509", "-req", "-in", "tsa.csr", *by_root, "-out", "tsa.pem")
    (folder / "both.pem").write_text((folder / "ca.pem").read_text() + (folder / "tsa.pem").read_text())
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the authority of a folder, made where it is missing, and give its address."""
    if not folder.exists():
        make(folder, folder.name)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "query.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            signed = (
                "-signer",
                "tsa.pem",
                "-inkey",
                "tsa.key",
                *(("-chain", "ca.pem") if self.path == "/chain" else ()),
            )
            reply = openssl(folder, "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query.tsq", *signed)  # fmt: skip
            if self.path == "/replayed":  # the answer to another question
                kept = folder / "kept.tsr"
                reply = kept.read_bytes() if kept.exists() else reply
                kept.write_bytes(reply)
            elif self.path == "/garbled":
                reply = b"<html>no</html>"
            self.send_response(403 if self.path == "/forbidden" else 500 if self.path == "/broken" else 200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
