"""Training: fit, evaluate, calibrate, export and write a bundle."""
