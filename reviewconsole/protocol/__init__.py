"""The runner wire, both ends: pure functions and values; no clock, no socket, no framework."""
