"""Long samples from short documents."""
