"""What is installed: copilots, adapters, bases and where they come from, trainings."""
