"""The PLC program of the simulated machine."""
