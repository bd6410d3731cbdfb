"""A permit register on spyne, whose WSDL is its own."""
