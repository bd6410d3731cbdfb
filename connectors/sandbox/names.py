"""Names and numbers as the tables of a town hall write them."""

import unicodedata


def folded(name: str) -> str:
    """Return the name of a town as such tables write it: `L'Haÿ-les-Roses` L HAY LES ROSES, `Saint-Lô` ST LO."""
    plain = unicodedata.normalize("NFKD", name.upper().replace("Œ", "OE").replace("Æ", "AE"))
    words = "".join(c if c.isalnum() else " " for c in plain if c.isascii()).split()
    return " ".join({"SAINT": "ST", "SAINTE": "STE"}.get(word, word) for word in words)


def spaced(siret: str) -> str:
    """Return a SIRET with the blanks that people put into it."""
    return f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}"
