"""The demo: server, simulated PLC and controller as real processes, fed with pictures."""
