"""What others call: lookups, open data, pages, the command line. Knows no protocol of any registry."""
