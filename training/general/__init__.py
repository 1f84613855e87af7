"""The general adapter: answers from any page. Made from an open corpus and the project's own examples."""
