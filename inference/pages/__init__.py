"""The operators' pages: rendered here, every asset local."""
