"""The commands of the command line, a module for each group; `gateway/cli` puts them together."""
