"""A hub that Spark NLP's own downloader reads too: the server of ``hub_server``, which answers HEAD, by ``https:``.

The downloader is told where S3 is by a table of regions (``aws_regions``), and asks for ``/BUCKET/KEY`` there. An ETag
that is no MD5 makes it refuse what it got, and that of ``hub_server`` is none: so the bucket is called ``no-etag``,
which is the fault that leaves it out, and both programs read the same objects.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, BinaryIO

import hub_server

BUCKET = "no-etag"
_REGIONS = """<XML><Regions><Region><Name>us-east-1</Name><Domain>amazonaws.com</Domain><Endpoint>
<ServiceName>s3</ServiceName><Http>false</Http><Https>true</Https><Hostname>{host}</Hostname>
</Endpoint></Region></Regions></XML>"""


class SparkHub(hub_server.Server):
    """Serves a folder to ``modelhub`` and to Spark NLP.

    Args:
        folder: What is served.
        tls: Encrypts; the downloader asks by nothing else.
    """

    def __init__(self, folder: Path, tls: ssl.SSLContext) -> None:
        super().__init__(folder, tls=tls)
        self.RequestHandlerClass = _Answer

    def java_options(self, folder: Path) -> str:
        """What makes a JVM take this server for S3; a file of it is written to the folder."""
        regions = folder / "regions.xml"
        regions.write_text(_REGIONS.format(host=f"127.0.0.1:{self.server_port}"), encoding="utf-8")
        override = f"-Dcom.amazonaws.regions.RegionUtils.fileOverride={regions}"
        return f"{override} -Dcom.amazonaws.sdk.disableCertChecking=true"


class _Answer(hub_server.Answer):
    def do_HEAD(self) -> None:
        self.do_GET()

    def _send_body(self, source: BinaryIO, span: range) -> None:
        if self.command != "HEAD":
            super()._send_body(source, span)

    def log_message(self, *args: Any) -> None: ...
