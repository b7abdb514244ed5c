"""A column for anything an agent can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from reviewconsole.protocol import tagged
from reviewconsole.protocol.plain import Plain

if TYPE_CHECKING:
    TextField = models.TextField[Any, Any]  # generic only in the stubs
else:
    TextField = models.TextField


class PlainField(TextField):
    """A plain value (see `protocol.plain`), kept as tagged JSON text.

    Text instead of jsonb: jsonb has no NUL character, no NaN and no order of keys, and agents send
    all three. None is kept as NULL.
    """

    _pyi_private_set_type: Any  # what the type checker's plugin reads
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: object) -> Plain:
        """Read the column back."""
        return None if value is None else tagged.loads(value)

    def get_prep_value(self, value: Any) -> str | None:
        """Write the value as the column holds it."""
        return None if value is None else tagged.dumps(value)

    def to_python(self, value: Any) -> Any:
        """Leave values as they are: text is a value too, not its serialized form."""
        return value

    def value_to_string(self, obj: models.Model) -> str:
        """Write the value for a fixture."""
        return tagged.dumps(self.value_from_object(obj))
