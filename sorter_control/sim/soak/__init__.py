"""Shifts under faults in virtual time, and the record held against the physical truth."""
