"""Linking: which rows tell of the same person, company, address or parcel, how surely, and why.

Exact identifiers first, then the model of Fellegi and Sunter: every comparison of two records (same family name? a date
with day and month swapped?) weighs for or against. Splink trains the weights, in the engine of the run; what is
compared, and how, is data: `recipes/`. The parts, as a run takes them: `recipe`, `prepare`, `model`, `pairs`.
"""
