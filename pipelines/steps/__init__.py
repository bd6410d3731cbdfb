"""The cleaning steps: `vocabulary` is the list of all, a module of words for each kind of value."""
