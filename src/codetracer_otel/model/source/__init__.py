"""What is shown of the files that code came from."""
