"""The HTTP API in OpenAI's form: keys, requests, answers."""
