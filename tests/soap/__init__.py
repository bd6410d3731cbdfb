"""Tests of the SOAP connector."""
