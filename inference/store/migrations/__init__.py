"""Schema migrations, run when the store is opened."""
