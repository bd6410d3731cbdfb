"""Tests of Beffroi, against real parts over real sockets."""
