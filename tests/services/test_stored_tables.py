"""The store's own statements name the columns that the models have."""

import pytest

from agents.models import Blob, Checkpoint, Part, PendingWrite
from agents.services.stored_tables import BLOB, CHECKPOINT, PART, SPECIAL_WRITE, WRITE

MODELS = [
    (PART, Part),
    (BLOB, Blob),
    (CHECKPOINT, Checkpoint),
    (WRITE, PendingWrite),
    (SPECIAL_WRITE, PendingWrite),
]


@pytest.mark.parametrize(("table", "model"), MODELS)
def test_a_table_has_the_columns_of_its_model(table, model):
    fields = model._meta.concrete_fields
    assert table.name == model._meta.db_table
    assert list(table.columns) == [field.column for field in fields if field.column]


@pytest.mark.parametrize(("table", "model"), [each for each in MODELS if each[0].key])
def test_a_row_is_there_if_its_primary_key_is(table, model):
    assert list(table.key) == [field.column for field in model._meta.pk_fields]


def test_a_part_that_is_there_is_an_error():
    assert PART.on_conflict == ""


def test_what_a_replaced_row_keeps():
    kept = {
        table: set(table.columns) - set(table.key) - set(table.replaced)
        for table in (CHECKPOINT, SPECIAL_WRITE)
    }
    assert kept == {CHECKPOINT: {"run_id", "created_at", "stored_bytes"}, SPECIAL_WRITE: set()}
