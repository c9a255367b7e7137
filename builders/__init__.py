"""What we build: one recipe a published configuration, and the `datasets` builder over them."""
