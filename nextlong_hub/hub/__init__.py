"""The one door to huggingface_hub."""
