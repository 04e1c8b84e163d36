"""Sorting: routing policy, controller, PLC drivers, simulated PLC and belt."""
