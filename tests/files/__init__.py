"""Files: as they come from municipalities."""
