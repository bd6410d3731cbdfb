"""Clusters: the records that are one, or the one record that each is attached to, under ids that last, and what became of them."""
