"""What developers run by hand: reference data, generated pages. Beffroi itself imports none of it."""
