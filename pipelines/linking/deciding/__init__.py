"""Deciding: what people say of pairs, as it is kept, asked and exchanged."""
