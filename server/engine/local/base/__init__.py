"""A base model's folder and its adapters': loading, converting and validating them."""
