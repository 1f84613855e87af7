"""What is timed: this engine and its peers."""
