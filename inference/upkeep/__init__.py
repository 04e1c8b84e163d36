"""What keeps a store in order: retention of pictures, backups, checks."""
