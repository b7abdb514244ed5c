"""What the documents refer to is there: tests that prove a row, pictures, other documents."""

import re

import pytest

from tests.repository.source import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_refers_to_is_there(document):
    text = document.read_text()
    linked = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text)
    missing = [path for path in linked if not (document.parent / path).exists()]
    named = re.findall(r"`(tests/[\w/]+\.py)`", text)
    missing += [path for path in named if not (ROOT / path).exists()]
    assert missing == []
