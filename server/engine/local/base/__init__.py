"""A base model's folder: loading, converting and validating it."""
