"""The simulated sorter: belt, photo-eyes, diverts, camera and the PLC program, in virtual time."""
