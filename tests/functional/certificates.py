"""Certificates by a CA of the test's own, with openssl."""

import datetime
import subprocess


def openssl(*words, **options):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, **options)


class Authority:
    """Its certificate, `ca`, and what it signs, in `directory`."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.ca = directory / "ca.pem"
        self._key = directory / "ca.key"
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=an authority"),
            *("-days", "30", "-keyout", self._key, "-out", self.ca),
        )

    def sign(self, name, days=90, label=""):
        """The files of a certificate for this name, and its key."""
        chain, key = self.directory / f"{name}{label}.pem", self.directory / f"{name}{label}.key"
        request = self.directory / "request.pem"
        openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", request),
        )
        openssl(
            *("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial"),
            *("-copy_extensions", "copy", "-days", days, "-out", chain),
        )
        return chain, key


def serial_of(chain):
    done = subprocess.run(["openssl", "x509", "-in", chain, "-noout", "-serial"], check=True, capture_output=True, text=True)
    return int(done.stdout.strip().removeprefix("serial="), 16)


def in_days(days):
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
