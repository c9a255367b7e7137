"""Every format through every command, with documents in, used and told."""
