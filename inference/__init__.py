"""Serving: the HTTP server, its store and the operators' pages."""
