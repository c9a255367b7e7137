"""What hashing a corpus and looking for secrets in it cost, beside reading it and building from it."""
