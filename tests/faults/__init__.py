"""Faults, one file each, named by the fault: real processes, real kills, the whole path."""
