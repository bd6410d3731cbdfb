"""A parcel register on PHP's SOAP extension, in document/literal and in rpc/encoded."""
