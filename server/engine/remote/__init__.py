"""Engines that ask another program: any server that speaks OpenAI's API, on this machine or elsewhere. No torch."""
