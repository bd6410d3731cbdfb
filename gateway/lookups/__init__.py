"""Lookups: one question asked through the gateway, of the first provider that can answer; `answering` is the story."""
