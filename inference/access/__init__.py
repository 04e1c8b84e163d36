"""Who may do what: roles, keys, passwords, sessions, rate limits, and the log of who did what."""
