"""The runner wire, both ends: pure functions and values, without a clock, a socket or a framework."""
