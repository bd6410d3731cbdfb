"""SOAP: how any registry that has a WSDL is asked, and its answers read exactly."""
