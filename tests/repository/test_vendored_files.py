"""The files of others are byte for byte what their publishers released."""

import base64
import hashlib
import json
import re

from tests.repository.source import ROOT

VENDOR = ROOT / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())


def sha384(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def test_the_manifest_lists_every_vendored_file() -> None:
    files = {path.name for path in VENDOR.iterdir()} - {"manifest.json"}
    assert files == set(MANIFEST)


def test_vendored_files_are_unchanged() -> None:
    found = {name: sha384((VENDOR / name).read_bytes()) for name in MANIFEST}
    assert found == {name: entry["sha384"] for name, entry in MANIFEST.items()}


def test_a_vendored_file_is_its_sources_and_a_comment() -> None:
    for name, entry in MANIFEST.items():
        _comment, body = (VENDOR / name).read_bytes().split(b" */\n", 1)
        sources = [sha384(line) for line in body.splitlines()]
        assert sources == [source["sha384"] for source in entry["sources"]]


def test_a_vendored_file_carries_its_version_and_licence() -> None:
    for name, entry in MANIFEST.items():
        assert entry["version"] in name
        licence = re.search(r"SPDX-License-Identifier: (\S+)", (VENDOR / name).read_text())
        assert licence
        assert licence[1] == entry["license"]
