"""The model: its bundle contract (free of torch), network, export and runtime."""
