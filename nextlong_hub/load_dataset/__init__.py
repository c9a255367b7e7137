"""What stands behind `datasets.load_dataset("nextlong", …)`."""
