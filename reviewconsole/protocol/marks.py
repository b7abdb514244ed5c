"""Metadata keys that a runner writes into the checkpoints people caused, and a console reads."""

PREFIX = "reviewconsole_"
"""What all of them begin with."""

DECISION = "reviewconsole_decision"
"""A decision made the checkpoint: its number."""

UPDATED = "reviewconsole_updated"
"""Beside `DECISION`: the checkpoint holds the decision's change of the state already."""

RUN = "reviewconsole_run"
"""A replay or fork begins with the checkpoint: the number of its run."""

FROM = "reviewconsole_from"
"""The checkpoint was made of an older one: its id."""

AS_NODE = "reviewconsole_as_node"
"""Beside `FROM`: the node as which a person changed the state there."""
