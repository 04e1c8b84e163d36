"""The life of a model: kept in a registry, proved, swapped in, compared, rolled back."""
